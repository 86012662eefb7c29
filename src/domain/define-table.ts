// A table of a service's own store.
import { BanyanError } from '../kernel/error.ts';
import { type Column, type Columns, type RowOf, storeColumn } from './column.ts';
import type { StoreTable } from './domain.ts';

declare const columnsBrand: unique symbol;
declare const keyBrand: unique symbol;

export interface Table<C extends Columns, K extends keyof C & string> extends StoreTable {
  readonly [columnsBrand]?: C;
  readonly [keyBrand]?: K;
}
/** Any table, whatever its columns. */
export type AnyTable = StoreTable & { readonly [columnsBrand]?: Columns; readonly [keyBrand]?: string };

type ColumnsOf<T> = T extends Table<infer C, string> ? C : never;
type KeyColumnsOf<T> = T extends { readonly [keyBrand]?: infer K } ? Exclude<K, undefined> : never;
export type TableRow<T> = RowOf<ColumnsOf<T>>;
export type TableKey<T> = Pick<TableRow<T>, KeyColumnsOf<T> & keyof TableRow<T>>;
type NumberColumns<C extends Columns> = { [K in keyof C]: C[K] extends Column<number> ? K : never }[keyof C];

/** What handlers may do to a table; see `TableWriter`. */
export interface Writer<T> {
  upsert(row: TableRow<T>): void;
  patch(key: TableKey<T>, columns: Partial<Omit<TableRow<T>, KeyColumnsOf<T> & string>>): void;
  increment(key: TableKey<T>, columns: { readonly [K in NumberColumns<ColumnsOf<T>>]?: number }): void;
  delete(key: TableKey<T>): void;
  get(key: TableKey<T>): Promise<TableRow<T> | undefined>;
}

const IDENTIFIER = /^[a-z][a-z0-9_]*$/i;

/** Throws CONFIG_INVALID when a name is no plain identifier, or key or index name a column that is not there. */
export function table<const C extends Columns, const K extends keyof C & string>(input: {
  readonly key: readonly K[];
  readonly columns: C;
  readonly indexes?: readonly (readonly (keyof C & string)[])[];
}): Table<C, K> {
  const indexes = input.indexes ?? [];
  const wrong = [...input.key, ...indexes.flat()].find((column) => !(column in input.columns));
  const odd = Object.keys(input.columns).find((column) => !IDENTIFIER.test(column));
  if (wrong !== undefined || odd !== undefined || input.key.length === 0) {
    throw new BanyanError(
      'CONFIG_INVALID',
      odd !== undefined
        ? `"${odd}" cannot be the name of a column`
        : wrong !== undefined
          ? `There is no column ${wrong}, which a key or an index names`
          : 'A table needs a key',
      { remedy: 'Columns are plain identifiers; `key` and `indexes` name columns of the table.' },
    );
  }
  const columns = Object.fromEntries(
    Object.entries(input.columns).map(([name, column]) => [name, storeColumn(column)]),
  );
  return { key: input.key, columns, indexes };
}
