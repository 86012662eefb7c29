// Leases for the processes of one machine, in a table of their own in an SQLite file that others may use as well. Each
// call is one statement, durable when it returns: a token that was given out is never given again.
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { BanyanError } from '../../kernel/error.ts';
import { pause } from '../../runtime/wait.ts';
import type { LeaseOutcome, LeaseStore } from '../lease.ts';

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  CREATE TABLE IF NOT EXISTS lease (
    name TEXT PRIMARY KEY,
    owner TEXT,
    token INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;
const OPENING_MS = 5000;
/** A statement waits so long for another writer; leases are asked for rarely, so blocking for it is fine. */
const LOCK_MS = 100;
const SQLITE_BUSY = 5;

export interface SqliteLeaseStoreOptions {
  readonly path: string;
  /** Milliseconds since 1970; all processes of a machine share its clock. */
  readonly now?: () => number;
}

/** Rejects with LOG_UNREACHABLE when the file cannot be used. */
export async function openSqliteLeaseStore(options: SqliteLeaseStoreOptions): Promise<LeaseStore> {
  const deadline = performance.now() + OPENING_MS;
  for (;;) {
    try {
      return new SqliteLeaseStore(options);
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw unreachable(options.path, error);
    }
    await pause(5 + Math.random() * 15);
  }
}

class SqliteLeaseStore implements LeaseStore {
  readonly #path: string;
  readonly #now: () => number;
  readonly #database: DatabaseSync;
  readonly #take: StatementSync;
  readonly #find: StatementSync;
  readonly #renew: StatementSync;
  readonly #release: StatementSync;

  constructor({ path, now = Date.now }: SqliteLeaseStoreOptions) {
    this.#path = path;
    this.#now = now;
    const database = new DatabaseSync(path, { timeout: LOCK_MS });
    this.#database = database;
    try {
      database.exec(SCHEMA);
      this.#take = database.prepare(
        `INSERT INTO lease VALUES (:name, :owner, 1, :now + :ttlMs)
         ON CONFLICT (name) DO UPDATE SET owner = :owner, token = token + 1, expires_at = :now + :ttlMs
         WHERE owner IS NULL OR expires_at <= :now
         RETURNING token`,
      );
      this.#find = database.prepare(
        'SELECT owner, expires_at - :now AS expiresInMs FROM lease WHERE name = :name',
      );
      this.#renew = database.prepare(
        'UPDATE lease SET expires_at = :expiresAt WHERE name = :name AND token = :token AND owner IS NOT NULL',
      );
      this.#release = database.prepare('UPDATE lease SET owner = NULL WHERE name = :name AND token = :token');
    } catch (error) {
      database.close();
      throw error;
    }
  }

  async acquire(name: string, owner: string, ttlMs: number): Promise<LeaseOutcome> {
    return this.#reach(() => {
      for (;;) {
        const now = this.#now();
        const taken = this.#take.get({ name, owner, now, ttlMs });
        if (taken) return { outcome: 'acquired', token: Number(taken.token) };
        const held = this.#find.get({ name, now });
        const expiresInMs = Number(held?.expiresInMs);
        // Released, or run out, between the two statements: it is free again.
        if (typeof held?.owner === 'string' && expiresInMs > 0) {
          return { outcome: 'held', by: held.owner, expiresInMs };
        }
      }
    });
  }

  async renew(name: string, token: number, ttlMs: number): Promise<boolean> {
    const expiresAt = this.#now() + ttlMs;
    return this.#reach(() => Number(this.#renew.run({ name, token, expiresAt }).changes) === 1);
  }

  async release(name: string, token: number): Promise<void> {
    this.#reach(() => this.#release.run({ name, token }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }

  #reach<T>(ask: () => T): T {
    try {
      return ask();
    } catch (error) {
      throw unreachable(this.#path, error);
    }
  }
}

function isBusy(error: unknown): boolean {
  const errcode = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0;
  return (errcode & 0xff) === SQLITE_BUSY;
}

function unreachable(path: string, cause: unknown): BanyanError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new BanyanError('LOG_UNREACHABLE', 'The leases cannot be used', { at: path, why, cause });
}
