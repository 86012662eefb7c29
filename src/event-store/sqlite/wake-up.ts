// How a subscription learns that the log grew: at once from appends of this process, and from other processes by
// asking SQLite's change counter, often while things happen and rarely while they do not.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { pause } from '../../runtime/wait.ts';

const BUSY_MS = 2;
const IDLE_MS = 20;
/** After this long without a change the log counts as idle. */
const BUSY_FOR_MS = 500;

export class WakeUp {
  readonly #version: StatementSync;
  #seen: number;
  #local = 0;
  #changedAt = 0;
  #waiters: (() => void)[] = [];

  constructor(database: DatabaseSync) {
    this.#version = database.prepare('PRAGMA data_version');
    this.#seen = this.#dataVersion();
  }

  /** This process committed. */
  notify(): void {
    this.#local += 1;
    this.#changedAt = performance.now();
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const wake of waiters) wake();
  }

  /** A number that grows whenever the log may have changed. Take it before reading. */
  mark(): number {
    const version = this.#dataVersion();
    if (version !== this.#seen) {
      this.#seen = version;
      this.#local += 1;
      this.#changedAt = performance.now();
    }
    return this.#local;
  }

  /** Resolves when the log may have changed since `mark`, or when `signal` aborts. */
  async changedSince(mark: number, signal: AbortSignal | undefined): Promise<void> {
    while (!signal?.aborted && this.mark() === mark) {
      const everyMs = performance.now() - this.#changedAt < BUSY_FOR_MS ? BUSY_MS : IDLE_MS;
      const nap = new AbortController();
      const wake = (): void => nap.abort();
      this.#waiters.push(wake);
      signal?.addEventListener('abort', wake, { once: true });
      await pause(everyMs, nap.signal);
      signal?.removeEventListener('abort', wake);
      this.#waiters = this.#waiters.filter((waiter) => waiter !== wake);
    }
  }

  #dataVersion(): number {
    return Number(this.#version.get()?.data_version);
  }
}
