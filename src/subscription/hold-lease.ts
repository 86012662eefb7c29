// Holding a lease for as long as the work takes: waits for it as a standby, renews it beside the work, and says at once
// when it is lost.
import { BanyanError } from '../kernel/error.ts';
import { pause } from '../runtime/wait.ts';
import type { LeaseStore } from './lease.ts';

export interface HoldLeaseOptions {
  readonly ttlMs: number;
  /** Ends the waiting, and the work. */
  readonly signal: AbortSignal;
  /** Told each time the lease was found in another's hands. */
  readonly onStandby?: (by: string) => void;
}

export interface HeldLease extends AsyncDisposable {
  /** Goes with everything that the holder writes. */
  readonly token: number;
  /** Aborted when the lease is lost (its reason is then FENCED) or when the caller's signal is. */
  readonly signal: AbortSignal;
}

/**
 * Resolves with the lease once it is ours, undefined when `signal` aborted before that. Disposal frees it at once.
 * A renewal that fails is tried again until the lease would have run out; then it counts as lost.
 * Rejects as `acquire` does.
 */
export async function holdLease(
  store: LeaseStore,
  name: string,
  owner: string,
  options: HoldLeaseOptions,
): Promise<HeldLease | undefined> {
  const { ttlMs, signal, onStandby } = options;
  while (!signal.aborted) {
    const askedAt = performance.now();
    const answer = await store.acquire(name, owner, ttlMs);
    if (answer.outcome === 'acquired') return hold(store, name, answer.token, ttlMs, signal, askedAt);
    onStandby?.(answer.by);
    // A holder that stops frees its lease: asking now and then finds out sooner than its end.
    await pause(Math.min(answer.expiresInMs, renewalMs(ttlMs)), signal);
  }
  return undefined;
}

function hold(
  store: LeaseStore,
  name: string,
  token: number,
  ttlMs: number,
  signal: AbortSignal,
  askedAt: number,
): HeldLease {
  const lost = new AbortController();
  const stop = new AbortController();
  const lose = (): void => {
    lost.abort(new BanyanError('FENCED', `The lease "${name}" was lost`, { details: { token } }));
    stop.abort();
  };
  // Counted from before the question: the store's own count can only end later.
  const lasting = (sinceMs: number): NodeJS.Timeout => setTimeout(lose, sinceMs + ttlMs - performance.now());
  let end = lasting(askedAt);

  const renew = async (): Promise<void> => {
    for (;;) {
      await pause(renewalMs(ttlMs), stop.signal);
      if (stop.signal.aborted) return;
      const renewedAt = performance.now();
      const isRenewed = await store.renew(name, token, ttlMs).catch(() => undefined);
      if (isRenewed === false) return lose();
      if (isRenewed && !stop.signal.aborted) {
        clearTimeout(end);
        end = lasting(renewedAt);
      }
    }
  };
  void renew();

  return {
    token,
    signal: AbortSignal.any([signal, lost.signal]),
    async [Symbol.asyncDispose]() {
      // A renewal under way finds the lease freed.
      stop.abort();
      clearTimeout(end);
      // What cannot be freed runs out by itself.
      await store.release(name, token).catch(() => undefined);
    },
  };
}

function renewalMs(ttlMs: number): number {
  return ttlMs / 3;
}
