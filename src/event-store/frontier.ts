// Turns snapshots of (head, progress) into frontiers that are true: progress counts once everything up to the head that
// was stored with it has been read.
import type { Position } from '../kernel/event.ts';
import type { Lsn } from '../kernel/lsn.ts';
import type { SourceProgress } from './event-store.ts';

type SourceLsns = Readonly<Record<string, Lsn>>;

export class Frontier {
  #reached: SourceLsns = {};
  /** The oldest snapshot not yet reached; while the log grows faster than it is read, this one still comes true. */
  #awaited: { readonly head: Position; readonly lsns: SourceLsns } | undefined;

  /** `head` and `progress` come from one snapshot of the log. Gives the same object until an LSN moves. */
  advance(upTo: Position, head: Position, progress: readonly SourceProgress[]): SourceLsns {
    if (upTo >= head) {
      this.#reach(progress);
      this.#awaited = undefined;
    } else {
      if (this.#awaited && upTo >= this.#awaited.head) {
        this.#reached = this.#awaited.lsns;
        this.#awaited = undefined;
      }
      this.#awaited ??= { head, lsns: lsnsOf(progress) };
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
