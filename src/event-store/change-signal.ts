// Wakes the readers that wait at the end of the log. A change between a read and the wait is never missed: the wait
// names the generation that was seen before the read.

/** Looks for changes that nobody here announces, while somebody waits. */
export interface ChangeWatch {
  start(): void;
  stop(): void;
}

export class ChangeSignal {
  #generation = 0;
  readonly #waiting = new Set<() => void>();
  readonly #watch: ChangeWatch | undefined;

  constructor(watch?: ChangeWatch) {
    this.#watch = watch;
  }

  get generation(): number {
    return this.#generation;
  }

  notify(): void {
    this.#generation += 1;
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves when something was announced since `seen`, or when `signal` aborts. */
  async changedSince(seen: number, signal?: AbortSignal): Promise<void> {
    if (this.#generation !== seen || signal?.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        this.#waiting.delete(wake);
        if (this.#waiting.size === 0) this.#watch?.stop();
        resolve();
      };
      signal?.addEventListener('abort', wake);
      this.#waiting.add(wake);
      if (this.#waiting.size === 1) this.#watch?.start();
    });
  }
}
