// Where a benchmark keeps its files: a folder of its own on the project's disk, gone when the benchmark is.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const BENCH_DATA = resolve(import.meta.dirname, '../../.data/bench');

export interface ScratchFolder extends Disposable {
  path(...names: string[]): string;
}

export function scratchFolder(name: string): ScratchFolder {
  mkdirSync(BENCH_DATA, { recursive: true });
  const folder = mkdtempSync(join(BENCH_DATA, `${name}-`));
  return {
    path: (...names) => join(folder, ...names),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}
