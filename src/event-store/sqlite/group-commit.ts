// One group of appends as one transaction: the write lock, the decisions in order, the commit.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { pause } from '../../runtime/wait.ts';
import type { GroupAnswer } from '../append-queue.ts';
import type { AppendRequest } from '../append-request.ts';
import type { AppendOutcome } from '../event-store.ts';
import { isBusy, logFault } from './sqlite-error.ts';

export interface GroupCommitOptions {
  readonly database: DatabaseSync;
  readonly path: string;
  /** How long a group waits for the writers of other processes. */
  readonly busyTimeoutMs: number;
  /** Called inside the transaction, first of all. */
  readonly begin: () => void;
  /** Decides and writes one append; throws only when the database does. */
  readonly write: (request: AppendRequest) => AppendOutcome;
  /** Called after each commit. Must not throw. */
  readonly committed: () => void;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #beginImmediate: StatementSync;
  readonly #commit: StatementSync;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#beginImmediate = options.database.prepare('BEGIN IMMEDIATE');
    this.#commit = options.database.prepare('COMMIT');
  }

  async commit(group: readonly AppendRequest[]): Promise<GroupAnswer> {
    const { database, path, begin, write, committed } = this.#options;
    const lock = await this.#lock();
    if (lock.error !== undefined) return { error: lock.error, mayTryEachAlone: false };
    let isCommitting = false;
    try {
      begin();
      const outcomes = group.map(write);
      isCommitting = true;
      this.#commit.run();
      committed();
      return { outcomes };
    } catch (error) {
      rollBack(database);
      // One append may have been too much for the database. After a failed COMMIT nobody knows.
      return { error: logFault(error, path), mayTryEachAlone: !isCommitting };
    }
  }

  /**
   * Takes the write lock. SQLite's own waiting would block the event loop; this one asks again each turn for a
   * millisecond (a commit takes less), then each 1-3 ms, never rarer, so that no process starves.
   */
  async #lock(): Promise<{ readonly error?: unknown }> {
    const start = performance.now();
    for (;;) {
      try {
        this.#beginImmediate.run();
        return {};
      } catch (error) {
        const waitedMs = performance.now() - start;
        if (!isBusy(error) || waitedMs > this.#options.busyTimeoutMs) {
          return { error: logFault(error, this.#options.path) };
        }
        await (waitedMs < 1 ? turn() : pause(1 + Math.random() * 2));
      }
    }
  }
}

/** SQLite has often rolled back by itself; where even this fails, the next BEGIN tells. */
function rollBack(database: DatabaseSync): void {
  try {
    if (database.isTransaction) database.exec('ROLLBACK');
  } catch {}
}
