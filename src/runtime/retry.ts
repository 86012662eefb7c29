// Trying again: only what the error catalogue calls worth retrying, with bounded, jittered backoff.
import { ERRORS, errorCode } from '../kernel/error.ts';
import { pause } from './wait.ts';

export interface RetryOptions {
  readonly signal: AbortSignal;
  readonly delayMs?: number;
  readonly delayMaxMs?: number;
  /** Told before each wait. */
  readonly onRetry?: (error: unknown, attempt: number, delayMs: number) => void;
}

/**
 * Runs `work` until it succeeds. What went well for longer than the longest wait begins again with the shortest one.
 * An error that is not marked `backoff` is thrown at once; undefined once aborted.
 */
export async function retryForever<T>(work: () => Promise<T>, options: RetryOptions): Promise<T | undefined> {
  const delayMaxMs = options.delayMaxMs ?? 5_000;
  for (let attempt = 1; !options.signal.aborted; attempt += 1) {
    const startedAt = performance.now();
    try {
      return await work();
    } catch (error) {
      const code = errorCode(error);
      if (!code || ERRORS[code].retry !== 'backoff') throw error;
      if (performance.now() - startedAt > delayMaxMs) attempt = 1;
      const ceiling = Math.min(delayMaxMs, (options.delayMs ?? 50) * 2 ** Math.min(attempt - 1, 10));
      const delayMs = Math.round(ceiling * (0.5 + Math.random() / 2));
      options.onRetry?.(error, attempt, delayMs);
      await pause(delayMs, options.signal);
    }
  }
  return undefined;
}
