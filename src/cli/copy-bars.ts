// The bars of a copy that is under way: one per table, redrawn in place on a terminal, a plain line now and then elsewhere.
import type { Output } from './output.ts';
import { type CopyProgress, progressLines } from './progress-bar.ts';

export interface CopyBars {
  readonly report: (progress: CopyProgress) => void;
}

export function copyBars(output: Output): CopyBars {
  const tables = new Map<string, CopyProgress>();
  return {
    report: (progress) => {
      tables.set(progress.label, progress);
      const all = [...tables.values()];
      if (all.every(({ isDone }) => isDone)) output.note(progressLines(all));
      else output.progress(progressLines(all));
    },
  };
}
