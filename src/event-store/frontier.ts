// Turns progress and the position at which it is true into frontiers: progress counts once everything up to that position
// has been read.
import type { Position } from '../kernel/event.ts';
import type { Lsn } from '../kernel/lsn.ts';
import type { SourceProgress } from './event-store.ts';

type SourceLsns = Readonly<Record<string, Lsn>>;

export class Frontier {
  #reached: SourceLsns = {};
  /** The oldest progress not yet reached; while the log grows faster than it is read, this one still comes true. */
  #awaited: { readonly at: Position; readonly lsns: SourceLsns } | undefined;

  /** `progress` is true of whoever has read up to `at`. Gives the same object until an LSN moves. */
  advance(upTo: Position, at: Position, progress: readonly SourceProgress[]): SourceLsns {
    if (upTo >= at) {
      this.#reach(progress);
      this.#awaited = undefined;
    } else {
      if (this.#awaited && upTo >= this.#awaited.at) {
        this.#reached = this.#awaited.lsns;
        this.#awaited = undefined;
      }
      this.#awaited ??= { at, lsns: lsnsOf(progress) };
    }
    return this.#reached;
  }

  #reach(progress: readonly SourceProgress[]): void {
    const isSame =
      progress.length === Object.keys(this.#reached).length &&
      progress.every(({ name, lsn }) => this.#reached[name] === lsn);
    if (!isSame) this.#reached = lsnsOf(progress);
  }
}

function lsnsOf(progress: readonly SourceProgress[]): SourceLsns {
  return Object.fromEntries(progress.map(({ name, lsn }) => [name, lsn]));
}
