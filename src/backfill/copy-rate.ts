// How fast a copy goes and how long it will take, over the last seconds rather than since its beginning.

const WINDOW_MS = 5_000;

export class CopyRate {
  /** Rows in all; null while unknown. */
  total: number | null;
  readonly #startedAt = performance.now();
  #added = 0;
  #samples: { readonly at: number; readonly rows: number }[] = [];

  constructor(total: number | null) {
    this.total = total;
  }

  add(rows: number): void {
    const at = performance.now();
    this.#added += rows;
    this.#samples.push({ at, rows });
    this.#samples = this.#samples.filter((sample) => at - sample.at < WINDOW_MS);
  }

  perSecond(): number {
    const sinceMs = Math.min(WINDOW_MS, Math.max(1, performance.now() - this.#startedAt));
    const rows = this.#samples.reduce((sum, sample) => sum + sample.rows, 0);
    return (rows / sinceMs) * 1_000;
  }

  /** Null before a hundredth is copied: an early guess misleads. */
  etaSeconds(rows: number): number | null {
    const rate = this.perSecond();
    if (this.total === null || rate === 0 || rows < this.total / 100) return null;
    return Math.max(0, (this.total - rows) / rate);
  }

  /** How long to wait so that the copy since its start stays below `rowsPerSecond`. */
  waitMs(rowsPerSecond: number): number {
    const dueMs = (this.#added / rowsPerSecond) * 1_000;
    return Math.max(0, dueMs - (performance.now() - this.#startedAt));
  }
}
