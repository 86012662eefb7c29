// Columns, of the monolith's tables and of a service's own: one set of words for both sides.
import type { StoreColumn, StoreColumnKind } from './domain.ts';
import type { ColumnKind, SourceColumn } from './source-schema.ts';

declare const valueBrand: unique symbol;

/** A column whose value is a `V` in mappings and handlers. */
export interface Column<V> extends SourceColumn {
  readonly default: unknown;
  readonly [valueBrand]?: V;
  /** May be NULL. */
  nullable(): Column<V | null>;
  /** What a row gets that `increment` creates. */
  defaultsTo(value: V): Column<V>;
}

/** Text, and whatever has no better form: uuid, numeric, enums, inet … */
export const text = (): Column<string> => column('text');
/** Text that is one of these. */
export const oneOf = <const V extends string>(..._values: readonly V[]): Column<V> => column('text');
/** smallint, integer: a number. */
export const int = (): Column<number> => column('int');
/** bigint: digits as a string, because JavaScript's numbers end at 2^53. */
export const bigint = (): Column<string> => column('bigint');
export const float = (): Column<number> => column('float');
export const bool = (): Column<boolean> => column('bool');
/** timestamp, timestamptz: ISO 8601 in UTC, at least milliseconds, microseconds kept. */
export const instant = (): Column<string> => column('instant');
export const json = (): Column<unknown> => column('json');

export type Columns = Readonly<Record<string, Column<unknown>>>;
export type RowOf<C extends Columns> = { readonly [K in keyof C]: C[K] extends Column<infer V> ? V : never };

function column<V>(kind: ColumnKind, isNullable = false, value?: unknown): Column<V> {
  return {
    kind,
    isNullable,
    default: value,
    nullable: () => column(kind, true, value ?? null),
    defaultsTo: (given) => column(kind, isNullable, given),
  };
}

/** How a column of a read store keeps its value: what has no number or flag of its own is text. */
export function storeColumn({ kind, isNullable, default: value }: Column<unknown>): StoreColumn {
  const kept: StoreColumnKind = kind === 'bigint' || kind === 'instant' ? 'text' : kind;
  return { kind: kept, isNullable, default: value };
}
