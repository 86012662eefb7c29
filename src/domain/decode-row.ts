// From the texts that PostgreSQL sent to the values that mappings see, exactly: nothing is rounded, shifted or guessed.
import { BanyanError } from '../kernel/error.ts';
import type { Row } from './domain.ts';
import type { ColumnKind, SourceTable } from './source-schema.ts';

/** A row as the server's texts, by column name. A column that is absent was not sent. */
export type RawRow = Readonly<Record<string, string | null>>;

/** The declared columns, decoded. Throws EVENT_INVALID naming a column that is missing or cannot be read; never its value. */
export function decodeRow(table: SourceTable, raw: RawRow): Row {
  const row: Record<string, unknown> = {};
  for (const name in table.columns) {
    const { kind, isNullable } = table.columns[name]!;
    const text = raw[name];
    if (text === undefined)
      throw undecodable(table, name, 'the source did not send it: does the table have this column?');
    if (text === null) {
      if (!isNullable) throw undecodable(table, name, 'it is NULL and declared as never being so');
      row[name] = null;
    } else {
      row[name] = decodeValue(table, name, kind, text);
    }
  }
  return row;
}

function decodeValue(table: SourceTable, name: string, kind: ColumnKind, text: string): unknown {
  switch (kind) {
    case 'text':
      return text;
    case 'int': {
      const value = Number(text);
      if (!/^-?\d+$/.test(text) || !Number.isSafeInteger(value))
        throw undecodable(table, name, 'it is no whole number that JavaScript can hold');
      return value;
    }
    case 'bigint':
      if (!/^-?\d+$/.test(text)) throw undecodable(table, name, 'it is no whole number');
      return text;
    case 'float': {
      const value = Number(text);
      if (text.trim() === '' || (Number.isNaN(value) && text !== 'NaN'))
        throw undecodable(table, name, 'it is no number');
      return value;
    }
    case 'bool':
      if (text !== 't' && text !== 'f') throw undecodable(table, name, 'it is neither true nor false');
      return text === 't';
    case 'instant':
      return decodeInstant(text);
    case 'json':
      try {
        return JSON.parse(text);
      } catch {
        throw undecodable(table, name, 'it is no JSON');
      }
  }
}

/** `2026-11-23 10:00:00.12+00` is 2026-11-23T10:00:00.120Z; `infinity` and years before Christ stay PostgreSQL's text. */
export function decodeInstant(text: string): string {
  const parts = /^(\d{4,})-(\d\d)-(\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:\+00)?$/.exec(text);
  if (!parts) return text;
  const [, year, month, day, time, fraction = ''] = parts;
  return `${year}-${month}-${day}T${time}.${fraction.padEnd(3, '0')}Z`;
}

function undecodable(table: SourceTable, column: string, why: string): BanyanError {
  return new BanyanError('EVENT_INVALID', `Column ${table.table}.${column} cannot be read`, {
    at: `${table.schema}.${table.table}`,
    why,
  });
}
