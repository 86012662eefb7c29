// Follows the migration's events in the event log: first all that happened, then each move as it is decided.
import type { EventStore } from '../event-store/event-store.ts';
import { type DomainRoute, INITIAL_ROUTE } from '../kernel/stage.ts';
import { idOf } from '../kernel/stream.ts';
import type { Log } from '../runtime/log.ts';
import { retryForever } from '../runtime/retry.ts';
import { foldRoute } from './route-table.ts';

const MIGRATION = { categories: ['migration'], types: ['StageChanged'] } as const;

/**
 * Calls `onChange` for each domain that has moved, oldest move first; resolves when every move up to the log's head has
 * been told, with the following's end: it ends when `signal` aborts, outlives an unreachable log, and rejects otherwise.
 */
export async function followRoutes(options: {
  readonly eventLog: EventStore;
  readonly signal: AbortSignal;
  readonly onChange: (domain: string, route: DomainRoute) => void;
  readonly log?: Log;
}): Promise<{ readonly finished: Promise<void> }> {
  const { eventLog, signal, onChange, log } = options;
  const routes = new Map<string, DomainRoute>();
  let after = 0;
  const caughtUp = Promise.withResolvers<void>();
  const follow = async (): Promise<void> => {
    for await (const batch of eventLog.subscribe({ ...MIGRATION, after, signal })) {
      for (const event of batch.events) {
        const domain = idOf(event.stream);
        const before = routes.get(domain) ?? INITIAL_ROUTE;
        const route = foldRoute(before, event);
        if (route === before) continue;
        routes.set(domain, route);
        onChange(domain, route);
      }
      after = batch.upTo;
      if (after >= batch.head) caughtUp.resolve();
    }
  };
  const finished = retryForever(follow, {
    signal,
    onRetry: (error, attempt) =>
      log?.warn({ err: error, attempt }, 'event log unreachable, routes stay as they are'),
  });
  finished.then(caughtUp.resolve, caughtUp.reject);
  await caughtUp.promise;
  return { finished };
}
