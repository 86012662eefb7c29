// Notices commits of other processes, also those that moved only a source's progress. SQLite cannot announce them, so it
// asks: each millisecond for a while after a change, then less and less, each 25 ms when idle (asking costs microseconds).
import type { ChangeWatch } from '../change-signal.ts';

const BUSY_INTERVAL_MS = 1;
const IDLE_INTERVAL_MS = 25;
const SLOW_DOWN = 1.2;
/** Commits that come now and then, some tens a second, are still seen at once. */
const BUSY_FOR_MS = 200;

export class DataVersionWatch implements ChangeWatch {
  readonly #read: () => number;
  readonly #changed: () => void;
  #intervalMs = BUSY_INTERVAL_MS;
  #changedAt = 0;
  #last: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** A `read` that throws counts as a change: whoever reads then meets the fault himself. */
  constructor(read: () => number, changed: () => void) {
    this.#read = read;
    this.#changed = changed;
  }

  start(): void {
    this.#timer ??= setTimeout(() => this.#ask(), this.#intervalMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #ask(): void {
    this.#timer = undefined;
    const now = this.#readOrUndefined();
    const isChanged = now === undefined || now !== this.#last;
    this.#last = now;
    if (isChanged) this.#changedAt = performance.now();
    const isBusy = performance.now() - this.#changedAt < BUSY_FOR_MS;
    this.#intervalMs = isBusy ? BUSY_INTERVAL_MS : Math.min(IDLE_INTERVAL_MS, this.#intervalMs * SLOW_DOWN);
    this.start();
    // The last waiter to be woken stops the watch again.
    if (isChanged) this.#changed();
  }

  #readOrUndefined(): number | undefined {
    try {
      return this.#read();
    } catch {
      return undefined;
    }
  }
}
