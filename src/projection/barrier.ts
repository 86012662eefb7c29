// Stops a projector at one exact place of a source's history and photographs the store there: an equality that two moving
// sides can be held to, instead of a comparison that guesses. First the projector is held, then the place is chosen
// (so that it lies ahead), then it is let on to it.

import type { LogBatch } from '../event-store/event-store.ts';
import { BanyanError } from '../kernel/error.ts';
import type { Lsn } from '../kernel/lsn.ts';
import type { StoreSnapshot } from './read-store.ts';

export interface Place {
  readonly source: string;
  readonly lsn: Lsn;
}

interface Stop {
  readonly at: Place;
  reached(snapshot: StoreSnapshot): void;
}

export class Barrier {
  #held: { readonly until: number; wake: () => void } | undefined;
  #stop: Stop | undefined;

  /** Resolves at once; the projector stops before its next batch. */
  async hold(maxMs: number): Promise<void> {
    const isHeld = this.#held !== undefined && this.#held.until > performance.now();
    if (isHeld || this.#stop)
      throw new BanyanError('LEASE_HELD', 'Another verification holds the projection');
    this.#held = { until: performance.now() + maxMs, wake: () => undefined };
  }

  snapshotAt(at: Place, timeoutMs: number): Promise<StoreSnapshot> {
    if (this.#stop) throw new BanyanError('LEASE_HELD', 'Another verification waits for the projection');
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#stop = undefined;
        reject(
          new BanyanError(
            'WAIT_TIMED_OUT',
            `The projection did not reach the place within ${timeoutMs / 1_000} s`,
          ),
        );
      }, timeoutMs);
      const stop: Stop = {
        at,
        reached: (snapshot) => {
          // Too late: nobody waits for it any more, or somebody else for another place.
          if (this.#stop !== stop) return void snapshot[Symbol.asyncDispose]();
          clearTimeout(timer);
          this.#stop = undefined;
          resolve(snapshot);
        },
      };
      this.#stop = stop;
      const held = this.#held;
      this.#held = undefined;
      held?.wake();
    });
  }

  /** Called before a batch is projected: waits while held, then answers the stop that this batch reaches, if any. */
  async before(batch: LogBatch, signal: AbortSignal): Promise<Stop | undefined> {
    while (this.#held && !signal.aborted) {
      const leftMs = this.#held.until - performance.now();
      if (leftMs <= 0) {
        this.#held = undefined;
        break;
      }
      await new Promise<void>((done) => {
        const timer = setTimeout(done, leftMs);
        const wake = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', wake);
          done();
        };
        this.#held!.wake = wake;
        signal.addEventListener('abort', wake, { once: true });
      });
    }
    const stop = this.#stop;
    if (!stop) return undefined;
    return (batch.frontier[stop.at.source] ?? 0n) >= stop.at.lsn || batch.events.length > 0
      ? stop
      : undefined;
  }
}
