// What every benchmark is given.
import type { Figure } from './figure.ts';

export interface Bench {
  readonly report: (figure: Figure) => void;
  /** Servers, processes, connections: given back, last first, when the benchmark has ended. */
  readonly held: AsyncDisposableStack;
  /** A new place in a folder of the benchmark's own on the project's disk, which is gone afterwards. */
  newPath(name: string): string;
}

export interface Benchmark {
  run(bench: Bench): Promise<void>;
}
