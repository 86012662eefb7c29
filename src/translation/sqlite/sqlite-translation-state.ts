// Translation's memory in one SQLite file. It is derived from the change log, so losing its last commits in a power cut
// costs a replay and nothing else (`synchronous=NORMAL`).
import { rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Relation } from '../../capture/change.ts';
import type { RawRow } from '../../domain/decode-row.ts';
import type { LogIdentity } from '../../event-store/event-store.ts';
import type { Position } from '../../kernel/event.ts';
import type {
  ParkedKey,
  RowChange,
  RowImage,
  TableState,
  TranslationFigures,
  TranslationState,
} from '../translation-state.ts';

const TABLES = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA cache_size = -65536;
  CREATE TABLE IF NOT EXISTS checkpoint (only INTEGER PRIMARY KEY CHECK (only = 1), position INTEGER NOT NULL);
  INSERT OR IGNORE INTO checkpoint VALUES (1, 0);
  CREATE TABLE IF NOT EXISTS relation (id TEXT PRIMARY KEY, relation TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS captured_table (name TEXT PRIMARY KEY, generation INTEGER NOT NULL, is_pending INTEGER NOT NULL, truncated_by INTEGER) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS image (name TEXT, key TEXT, generation INTEGER NOT NULL, row TEXT, PRIMARY KEY (name, key)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS held (seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, key TEXT NOT NULL, change TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS held_by_key ON held (name, key, seq);
  CREATE TABLE IF NOT EXISTS parked (seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, key TEXT NOT NULL, error TEXT, change TEXT NOT NULL);
  CREATE INDEX IF NOT EXISTS parked_by_key ON parked (name, key, seq);
  CREATE TABLE IF NOT EXISTS applied_chunk (name TEXT, generation INTEGER, chunk INTEGER, PRIMARY KEY (name, generation, chunk)) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS unmapped (name TEXT, op TEXT, count INTEGER NOT NULL, PRIMARY KEY (name, op)) WITHOUT ROWID;
`;

/** Raised whenever the tables of before cannot be gone on with. */
const LAYOUT = 2;

/**
 * Opens (or creates) the state in `path`; `:memory:` for tests. A state that was made between two other logs, or by another
 * version, is of no use here: it is begun anew, and the change log tells it all again.
 */
export function openSqliteTranslationState(
  path: string,
  between?: { readonly changeLog: LogIdentity; readonly eventLog: LogIdentity },
): TranslationState {
  const origin = JSON.stringify([LAYOUT, between?.changeLog, between?.eventLog]);
  let database = new DatabaseSync(path, { timeout: 5_000 });
  if ((originOf(database) ?? origin) !== origin) {
    database.close();
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    database = new DatabaseSync(path, { timeout: 5_000 });
  }
  database.exec('CREATE TABLE IF NOT EXISTS origin (origin TEXT PRIMARY KEY)');
  database.prepare('INSERT OR IGNORE INTO origin VALUES (?)').run(origin);
  return new SqliteTranslationState(database);
}

/** Undefined for a new file; empty for one of before there was an origin. */
function originOf(database: DatabaseSync): string | undefined {
  const tables = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  if (tables.length === 0) return undefined;
  if (!tables.some(({ name }) => name === 'origin')) return '';
  return String(database.prepare('SELECT origin FROM origin').get()?.origin ?? '');
}

class SqliteTranslationState implements TranslationState {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #tables = new Map<string, TableState>();
  readonly #relations = new Map<string, Relation>();
  #checkpoint: Position;

  constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec(TABLES);
    this.#checkpoint = Number(this.#get('SELECT position FROM checkpoint')!.position);
  }

  get checkpoint(): Position {
    return this.#checkpoint;
  }

  begin(): void {
    this.#database.exec('BEGIN IMMEDIATE');
  }

  commit(checkpoint: Position): void {
    this.#run('UPDATE checkpoint SET position = ?', checkpoint);
    this.#database.exec('COMMIT');
    this.#checkpoint = checkpoint;
  }

  rollback(): void {
    if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
    this.#tables.clear();
    this.#relations.clear();
  }

  relation(id: string): Relation | undefined {
    const known = this.#relations.get(id);
    if (known) return known;
    const row = this.#get('SELECT relation FROM relation WHERE id = ?', id);
    if (!row) return undefined;
    const relation = JSON.parse(String(row.relation)) as Relation;
    this.#relations.set(id, relation);
    return relation;
  }

  saveRelation(relation: Relation): void {
    this.#run('INSERT OR REPLACE INTO relation VALUES (?, ?)', relation.id, JSON.stringify(relation));
    this.#relations.set(relation.id, relation);
  }

  table(table: string): TableState | undefined {
    const known = this.#tables.get(table);
    if (known) return known;
    const row = this.#get(
      'SELECT generation, is_pending, truncated_by FROM captured_table WHERE name = ?',
      table,
    );
    if (!row) return undefined;
    const state: TableState = {
      generation: Number(row.generation),
      isPending: row.is_pending === 1,
      truncatedBy: row.truncated_by === null ? null : Number(row.truncated_by),
    };
    this.#tables.set(table, state);
    return state;
  }

  saveTable(table: string, state: TableState): void {
    this.#run(
      'INSERT OR REPLACE INTO captured_table VALUES (?, ?, ?, ?)',
      table,
      state.generation,
      state.isPending ? 1 : 0,
      state.truncatedBy,
    );
    this.#tables.set(table, state);
  }

  image(table: string, key: string): RowImage | undefined {
    const row = this.#get('SELECT generation, row FROM image WHERE name = ? AND key = ?', table, key);
    if (!row) return undefined;
    return {
      generation: Number(row.generation),
      row: row.row === null ? null : (JSON.parse(String(row.row)) as RawRow),
    };
  }

  saveImage(table: string, key: string, { generation, row }: RowImage): void {
    this.#run(
      'INSERT OR REPLACE INTO image VALUES (?, ?, ?, ?)',
      table,
      key,
      generation,
      row === null ? null : JSON.stringify(row),
    );
  }

  removeImage(table: string, key: string): void {
    this.#run('DELETE FROM image WHERE name = ? AND key = ?', table, key);
  }

  liveImages(
    table: string,
    after: string | undefined,
    limit: number,
    olderThan?: number,
  ): readonly { key: string; row: RawRow }[] {
    const rows = this.#all(
      'SELECT key, row FROM image WHERE name = ? AND key > ? AND row IS NOT NULL AND generation < ? ORDER BY key LIMIT ?',
      table,
      after ?? '',
      olderThan ?? Number.MAX_SAFE_INTEGER,
      limit,
    );
    return rows.map(({ key, row }) => ({ key: String(key), row: JSON.parse(String(row)) as RawRow }));
  }

  removeTombstones(table: string): void {
    this.#run('DELETE FROM image WHERE name = ? AND row IS NULL', table);
  }

  held(table: string, key: string): readonly RowChange[] {
    const rows = this.#all('SELECT change FROM held WHERE name = ? AND key = ? ORDER BY seq', table, key);
    return rows.map(({ change }) => JSON.parse(String(change)) as RowChange);
  }

  hold(table: string, key: string, change: RowChange): void {
    this.#run('INSERT INTO held (name, key, change) VALUES (?, ?, ?)', table, key, JSON.stringify(change));
  }

  releaseHeld(table: string, key: string): void {
    this.#run('DELETE FROM held WHERE name = ? AND key = ?', table, key);
  }

  releaseAllHeld(table: string): void {
    this.#run('DELETE FROM held WHERE name = ?', table);
  }

  heldKeys(table: string): readonly string[] {
    const rows = this.#all('SELECT key FROM held WHERE name = ? GROUP BY key ORDER BY min(seq)', table);
    return rows.map(({ key }) => String(key));
  }

  parked(table: string, key: string): ParkedKey | undefined {
    const rows = this.#all(
      'SELECT error, change FROM parked WHERE name = ? AND key = ? ORDER BY seq',
      table,
      key,
    );
    if (rows.length === 0) return undefined;
    const changes = rows.map(({ change }) => JSON.parse(String(change)) as RowChange);
    return { table, key, error: String(rows[0]!.error), changes };
  }

  park(table: string, key: string, error: string, change: RowChange): void {
    this.#run(
      'INSERT INTO parked (name, key, error, change) VALUES (?, ?, ?, ?)',
      table,
      key,
      error,
      JSON.stringify(change),
    );
  }

  unpark(table: string, key: string): void {
    this.#run('DELETE FROM parked WHERE name = ? AND key = ?', table, key);
  }

  allParked(limit: number): readonly ParkedKey[] {
    const keys = this.#all(
      'SELECT name, key FROM parked GROUP BY name, key ORDER BY min(seq) LIMIT ?',
      limit,
    );
    return keys.map(({ name, key }) => this.parked(String(name), String(key))!);
  }

  parkedKeys(table: string): readonly string[] {
    const rows = this.#all('SELECT key FROM parked WHERE name = ? GROUP BY key ORDER BY min(seq)', table);
    return rows.map(({ key }) => String(key));
  }

  isChunkApplied(table: string, generation: number, chunk: number): boolean {
    return (
      this.#get(
        'SELECT 1 FROM applied_chunk WHERE name = ? AND generation = ? AND chunk = ?',
        table,
        generation,
        chunk,
      ) !== undefined
    );
  }

  saveChunkApplied(table: string, generation: number, chunk: number): void {
    this.#run('INSERT OR IGNORE INTO applied_chunk VALUES (?, ?, ?)', table, generation, chunk);
  }

  countUnmapped(table: string, op: string): void {
    this.#run('INSERT INTO unmapped VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1', table, op);
  }

  figures(): TranslationFigures {
    const tables = this.#all(
      `SELECT name, is_pending, (SELECT count(*) FROM image i WHERE i.name = t.name AND row IS NOT NULL) AS rows FROM captured_table t ORDER BY name`,
    );
    const unmapped = this.#all('SELECT name, op, count FROM unmapped ORDER BY name, op');
    const parked = this.#all(
      'SELECT name, key, error, count(*) - 1 AS waiting FROM parked GROUP BY name, key ORDER BY min(seq) LIMIT 100',
    );
    return {
      tables: tables.map((row) => ({
        table: String(row.name),
        state: row.is_pending === 1 ? 'pending' : 'live',
        rows: Number(row.rows),
      })),
      unmapped: unmapped.map((row) => ({
        table: String(row.name),
        op: String(row.op),
        count: Number(row.count),
      })),
      parked: parked.map((row) => ({
        table: String(row.name),
        key: String(row.key),
        error: String(row.error),
        waiting: Number(row.waiting),
      })),
    };
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #get(sql: string, ...values: (string | number | null)[]): Record<string, unknown> | undefined {
    return this.#statement(sql).get(...values);
  }

  #all(sql: string, ...values: (string | number | null)[]): Record<string, unknown>[] {
    return this.#statement(sql).all(...values);
  }

  #run(sql: string, ...values: (string | number | null)[]): void {
    this.#statement(sql).run(...values);
  }
}
