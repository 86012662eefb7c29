// A projection's tables as SQLite has them: the statements that make, read and write them, and the values both ways.
import { createHash } from 'node:crypto';
import type { SQLInputValue } from 'node:sqlite';
import type { Projection, Row, StoreColumn, StoreTable } from '../../domain/domain.ts';

const SQL_TYPE = { text: 'TEXT', int: 'INTEGER', float: 'REAL', bool: 'INTEGER', json: 'TEXT' } as const;

export function createTables(projection: Projection): string {
  return Object.entries(projection.tables)
    .map(([name, table]) =>
      [createTable(name, table), ...table.indexes.map((index) => createIndex(name, index))].join('\n'),
    )
    .join('\n');
}

function createTable(name: string, table: StoreTable): string {
  const columns = Object.entries(table.columns).map(
    ([column, { kind, isNullable }]) => `"${column}" ${SQL_TYPE[kind]}${isNullable ? '' : ' NOT NULL'}`,
  );
  return `CREATE TABLE "${name}" (${columns.join(', ')}, PRIMARY KEY (${names(table.key)})) WITHOUT ROWID;`;
}

function createIndex(table: string, columns: readonly string[]): string {
  return `CREATE INDEX "${table}_by_${columns.join('_')}" ON "${table}" (${names(columns)});`;
}

/** Differs whenever a store that was made from another shape or version cannot be gone on with. */
export function shapeOf(projection: Projection): string {
  const { version, tables } = projection;
  return createHash('sha256').update(JSON.stringify({ version, tables })).digest('hex').slice(0, 16);
}

export function upsertSql(name: string, table: StoreTable): string {
  const columns = Object.keys(table.columns);
  return `INSERT OR REPLACE INTO "${name}" (${names(columns)}) VALUES (${columns.map(() => '?').join(', ')})`;
}

export function loadSql(name: string, table: StoreTable): string {
  return `SELECT ${names(Object.keys(table.columns))} FROM "${name}" WHERE ${whereKey(table)}`;
}

export function deleteSql(name: string, table: StoreTable): string {
  return `DELETE FROM "${name}" WHERE ${whereKey(table)}`;
}

export function pageSql(name: string, table: StoreTable, isFirst: boolean): string {
  const after = isFirst ? '' : `WHERE (${names(table.key)}) > (${table.key.map(() => '?').join(', ')})`;
  return `SELECT ${names(Object.keys(table.columns))} FROM "${name}" ${after} ORDER BY ${names(table.key)} LIMIT ?`;
}

export function rowValues(table: StoreTable, row: Row): SQLInputValue[] {
  return Object.entries(table.columns).map(([name, column]) => toSql(column, row[name]));
}

export function keyValues(table: StoreTable, key: Row): SQLInputValue[] {
  return table.key.map((name) => toSql(table.columns[name]!, key[name]));
}

/** A row as handlers and queries see it. */
export function fromSql(columns: StoreTable['columns'], found: Readonly<Record<string, unknown>>): Row {
  const row: Record<string, unknown> = {};
  for (const name in columns) {
    const value = found[name] ?? null;
    const { kind } = columns[name]!;
    if (value === null) row[name] = null;
    else if (kind === 'bool') row[name] = value === 1;
    else if (kind === 'json') row[name] = JSON.parse(String(value));
    else row[name] = value;
  }
  return row;
}

function toSql({ kind }: StoreColumn, value: unknown): SQLInputValue {
  if (value === null || value === undefined) return null;
  if (kind === 'bool') return value ? 1 : 0;
  if (kind === 'json') return JSON.stringify(value);
  return value as SQLInputValue;
}

function whereKey(table: StoreTable): string {
  return table.key.map((name) => `"${name}" = ?`).join(' AND ');
}

function names(columns: readonly string[]): string {
  return columns.map((column) => `"${column}"`).join(', ');
}
