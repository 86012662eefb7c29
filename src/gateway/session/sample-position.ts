// Samples the source's position for many requests at once: one running query serves every request that was waiting when
// it started, never one that came later, because that one's commit may lie behind it.
import type { Lsn } from '../../kernel/lsn.ts';
import type { SourcePosition } from './source-position.ts';

export interface SampledPosition {
  readonly history: string;
  readonly lsn: Lsn;
}

interface Batch {
  readonly promise: Promise<SampledPosition>;
  readonly resolve: (position: SampledPosition) => void;
  readonly reject: (reason: unknown) => void;
}

export class PositionSampler {
  readonly #source: SourcePosition;
  readonly #timeoutMs: number;
  #waiting: Batch | undefined;
  #isRunning = false;
  #history: string | undefined;

  constructor(source: SourcePosition, timeoutMs: number) {
    this.#source = source;
    this.#timeoutMs = timeoutMs;
  }

  /** The history that the source last said it has; undefined while that is not known. */
  get history(): string | undefined {
    return this.#history;
  }

  /** A position at or behind everything that was committed before this call. Rejects when the source does not say it in time. */
  sample(): Promise<SampledPosition> {
    this.#waiting ??= Promise.withResolvers<SampledPosition>();
    const { promise } = this.#waiting;
    if (!this.#isRunning) void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting) {
      const batch = this.#waiting;
      this.#waiting = undefined;
      try {
        batch.resolve(await within(this.#timeoutMs, this.#ask()));
      } catch (error) {
        this.#history = undefined;
        batch.reject(error);
      }
    }
    this.#isRunning = false;
  }

  async #ask(): Promise<SampledPosition> {
    const history = this.#history ?? (await this.#source.history());
    const lsn = await this.#source.insertLsn();
    this.#history = history;
    return { history, lsn };
  }
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('The source did not say its position in time')), timeoutMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
