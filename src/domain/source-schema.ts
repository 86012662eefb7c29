// The monolith's tables as mappings see them: which columns, of what kind, and which of them identify a row.

/**
 * How a column's text becomes a JavaScript value, exactly:
 * text     the text itself (also uuid, enums, numeric, inet …: whatever has no better form)
 * int      number (smallint, integer)
 * bigint   string of digits: JavaScript numbers end at 2^53
 * float    number
 * bool     boolean
 * instant  ISO 8601 in UTC with at least milliseconds, microseconds kept: 2026-11-23T10:00:00.123Z
 * json     parsed JSON
 */
export type ColumnKind = 'text' | 'int' | 'bigint' | 'float' | 'bool' | 'instant' | 'json';

export interface SourceColumn {
  readonly kind: ColumnKind;
  readonly isNullable: boolean;
}

export interface SourceTable {
  /** Default `public`. */
  readonly schema: string;
  readonly table: string;
  /** The primary key's columns, in its order. */
  readonly key: readonly string[];
  /** Columns left out are captured but not shown to mappings. */
  readonly columns: Readonly<Record<string, SourceColumn>>;
}

export interface SourceSchema {
  readonly name: string;
  readonly tables: Readonly<Record<string, SourceTable>>;
}
