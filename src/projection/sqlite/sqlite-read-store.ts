// A read store in one SQLite file. `synchronous=NORMAL`: a power cut may take the last commits, rows and checkpoint
// together, and the projection goes on from there; the log has them all.
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Projection, Row } from '../../domain/domain.ts';
import { BanyanError } from '../../kernel/error.ts';
import type { Position } from '../../kernel/event.ts';
import type {
  ParkedStream,
  ParkingChanges,
  ReadStore,
  StoreCheckpoint,
  StoreSnapshot,
  TableChanges,
} from '../read-store.ts';
import { frontierText, readCheckpoint } from './checkpoint-row.ts';
import { PARKED_TABLE, readParked, writeParked } from './parked-rows.ts';
import { SnapshotPool } from './snapshot-pool.ts';
import {
  createTables,
  deleteSql,
  fromSql,
  keyValues,
  loadSql,
  rowValues,
  shapeOf,
  upsertSql,
} from './store-tables.ts';

const META = `
  CREATE TABLE banyan_checkpoint (
    only INTEGER PRIMARY KEY CHECK (only = 1), shape TEXT NOT NULL,
    log_id TEXT, recovery_epoch INTEGER, position INTEGER, frontier TEXT
  );
  ${PARKED_TABLE}
`;

export interface SqliteReadStoreOptions {
  readonly path: string;
  readonly projection: Projection;
  /** Snapshots that may be open at once. Default 4. */
  readonly snapshots?: number;
}

/** Opens the store, creating it when the file is new. Rejects with STORE_SCHEMA when it has the tables of another version. */
export async function openSqliteReadStore(options: SqliteReadStoreOptions): Promise<ReadStore> {
  const { path, projection } = options;
  const database = new DatabaseSync(path, { timeout: 5_000 });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;');
  const shape = shapeOf(projection);
  database.exec('BEGIN IMMEDIATE');
  const isNew = !database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'banyan_checkpoint'").get();
  if (isNew) {
    database.exec(META + createTables(projection));
    database.prepare('INSERT INTO banyan_checkpoint (only, shape) VALUES (1, ?)').run(shape);
  }
  database.exec('COMMIT');
  const stored = database.prepare('SELECT shape FROM banyan_checkpoint').get();
  if (stored?.shape !== shape) {
    database.close();
    throw new BanyanError(
      'STORE_SCHEMA',
      `The store has the tables of another version of the projection ${projection.name}`,
      { at: path },
    );
  }
  return new SqliteReadStore(
    database,
    projection,
    new SnapshotPool(path, projection, options.snapshots ?? 4),
  );
}

class SqliteReadStore implements ReadStore {
  readonly #database: DatabaseSync;
  readonly #projection: Projection;
  readonly #snapshots: SnapshotPool;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, projection: Projection, snapshots: SnapshotPool) {
    this.#database = database;
    this.#projection = projection;
    this.#snapshots = snapshots;
  }

  async checkpoint(): Promise<StoreCheckpoint | undefined> {
    return readCheckpoint(this.#database);
  }

  async parked(): Promise<readonly ParkedStream[]> {
    return readParked(this.#database);
  }

  async load(name: string, keys: readonly Row[]): Promise<readonly (Row | undefined)[]> {
    const table = this.#projection.tables[name]!;
    const statement = this.#statement(loadSql(name, table));
    return keys.map((key) => {
      const found = statement.get(...keyValues(table, key));
      return found && fromSql(table.columns, found);
    });
  }

  async commit(
    changes: readonly TableChanges[],
    checkpoint: StoreCheckpoint,
    expected: Position | undefined,
    parking?: ParkingChanges,
  ): Promise<void> {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const { changes: moved } = this.#statement(
        'UPDATE banyan_checkpoint SET log_id = ?, recovery_epoch = ?, position = ?, frontier = ? WHERE position IS ?',
      ).run(
        checkpoint.log.id,
        checkpoint.log.recoveryEpoch,
        checkpoint.position,
        frontierText(checkpoint.frontier),
        expected ?? null,
      );
      if (Number(moved) !== 1) {
        throw new BanyanError(
          'CHECKPOINT_MISMATCH',
          `The store of ${this.#projection.name} was written by another process`,
        );
      }
      for (const { table: name, upserts, deletes } of changes) {
        const table = this.#projection.tables[name]!;
        if (deletes.length > 0) {
          const statement = this.#statement(deleteSql(name, table));
          for (const key of deletes) statement.run(...keyValues(table, key));
        }
        if (upserts.length > 0) {
          const statement = this.#statement(upsertSql(name, table));
          for (const row of upserts) statement.run(...rowValues(table, row));
        }
      }
      if (parking) writeParked((sql) => this.#statement(sql), parking);
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  snapshot(): Promise<StoreSnapshot> {
    return this.#snapshots.open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#snapshots[Symbol.asyncDispose]();
    if (this.#database.isOpen) this.#database.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}
