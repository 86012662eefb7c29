// The monolith's tables, declared once for all mappings.
import { BanyanError } from '../kernel/error.ts';
import type { Columns, RowOf } from './column.ts';
import type { SourceSchema } from './source-schema.ts';

export interface SourceTableInput<C extends Columns> {
  /** Default `public`. */
  readonly schema?: string;
  /** Default: the name it is declared under. */
  readonly table?: string;
  readonly key: readonly (keyof C & string)[];
  readonly columns: C;
}

declare const rowsBrand: unique symbol;

/** A source whose tables have rows of these types. */
export interface Source<Rows> extends SourceSchema {
  readonly [rowsBrand]?: Rows;
}

/** A row of one of the source's tables, for functions that mappings share. */
export type RowIn<S, K> = S extends Source<infer Rows> ? (K extends keyof Rows ? Rows[K] : never) : never;

/** Throws CONFIG_INVALID when a key names no column, or a table has none. */
export function defineSource<const T extends Readonly<Record<string, Columns>>>(input: {
  readonly name: string;
  readonly tables: { readonly [K in keyof T]: SourceTableInput<T[K]> };
}): Source<{ readonly [K in keyof T]: RowOf<T[K]> }> {
  const tables: Record<string, SourceSchema['tables'][string]> = {};
  for (const [name, table] of Object.entries(input.tables) as [string, SourceTableInput<Columns>][]) {
    const unknown = table.key.filter((column) => !(column in table.columns));
    if (table.key.length === 0 || unknown.length > 0) {
      throw new BanyanError(
        'CONFIG_INVALID',
        unknown.length > 0
          ? `Table ${name} has no column ${unknown.join(', ')}, which its key names`
          : `Table ${name} has an empty key`,
        { at: `source ${input.name}`, remedy: `Set \`key\` of ${name} to the columns of its primary key.` },
      );
    }
    tables[name] = {
      schema: table.schema ?? 'public',
      table: table.table ?? name,
      key: table.key,
      columns: Object.fromEntries(
        Object.entries(table.columns).map(([column, { kind, isNullable }]) => [column, { kind, isNullable }]),
      ),
    };
  }
  return { name: input.name, tables };
}
