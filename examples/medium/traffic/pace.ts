// Spaces requests evenly: at most so many per second for all sessions together.
import { setTimeout as wait } from 'node:timers/promises';

/** Resolves when the next request may go; rejects with an AbortError once `signal` is aborted. */
export type Pace = () => Promise<void>;

export function createPace(requestsPerSecond: number, signal: AbortSignal): Pace {
  const intervalMs = 1000 / requestsPerSecond;
  let nextAtMs = performance.now();
  return async () => {
    signal.throwIfAborted();
    const nowMs = performance.now();
    const atMs = Math.max(nowMs, nextAtMs);
    nextAtMs = atMs + intervalMs;
    if (atMs > nowMs) await wait(atMs - nowMs, undefined, { signal });
  };
}
