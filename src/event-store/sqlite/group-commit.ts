// Appends of one turn share one durable commit. Each is decided on its own, in order: a conflict costs its neighbours
// nothing, and none is resolved before the commit is on disk.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { pause } from '../../runtime/wait.ts';
import type { AppendRequest } from '../append-request.ts';
import type { AppendOutcome } from '../event-store.ts';
import { isBusy, logFault } from './sqlite-error.ts';

/** Ends a group: enough to hide the sync, few enough to keep the loop's turn near 20 ms. */
const GROUP_EVENTS = 2000;
const GROUP_APPENDS = 256;

interface Queued {
  readonly request: AppendRequest;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (error: unknown) => void;
}

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
  #queue: Queued[] = [];
  #drained: Promise<void> | undefined;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#beginImmediate = options.database.prepare('BEGIN IMMEDIATE');
    this.#commit = options.database.prepare('COMMIT');
  }

  append(request: AppendRequest): Promise<AppendOutcome> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      this.#drained ??= this.#drain();
    });
  }

  /** Resolves when every append made so far has its answer. */
  async settled(): Promise<void> {
    await this.#drained;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      // Whoever appends in this turn, or was woken by the last commit, joins the group.
      await turn();
      const group = this.#takeGroup();
      await this.#commitGroup(group);
    }
    this.#drained = undefined;
  }

  #takeGroup(): Queued[] {
    let events = 0;
    let appends = 0;
    for (const { request } of this.#queue) {
      if (appends === GROUP_APPENDS || (appends > 0 && events + request.eventCount > GROUP_EVENTS)) break;
      events += request.eventCount;
      appends += 1;
    }
    return this.#queue.splice(0, appends);
  }

  async #commitGroup(group: readonly Queued[]): Promise<void> {
    const { database, path, begin, write, committed } = this.#options;
    const lock = await this.#lock();
    if (lock.error !== undefined) {
      for (const { reject } of group) reject(lock.error);
      return;
    }
    let isCommitting = false;
    try {
      begin();
      const outcomes = group.map(({ request }) => write(request));
      isCommitting = true;
      this.#commit.run();
      group.forEach(({ resolve }, index) => {
        resolve(outcomes[index]!);
      });
    } catch (error) {
      rollBack(database);
      // One append may have been too much for the database: alone, it fails alone. After a failed COMMIT nobody knows.
      if (group.length > 1 && !isCommitting) {
        for (const one of group) await this.#commitGroup([one]);
      } else {
        for (const { reject } of group) reject(logFault(error, path));
      }
      return;
    }
    committed();
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
