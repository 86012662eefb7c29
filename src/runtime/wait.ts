// Waiting that ends: on a signal, on a condition, or at its deadline.
import { setTimeout as timer } from 'node:timers/promises';

/** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await timer(ms, undefined, signal ? { signal } : {}).catch(() => undefined);
}

/** Asks `condition` every `everyMs` until it answers something truthy. Undefined when `timeoutMs` passed or `signal` aborted. */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  options: { readonly timeoutMs: number; readonly everyMs?: number; readonly signal?: AbortSignal },
): Promise<T | undefined> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() >= deadline || options.signal?.aborted) return undefined;
    await pause(options.everyMs ?? 20, options.signal);
  }
}
