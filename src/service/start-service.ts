// A domain's service: its projection of the log, and its queries over HTTP, answered from its own store alone.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import findMyWay from 'find-my-way';
import { listen } from '../control/control-server.ts';
import type { ServiceStatus } from '../control/role-status.ts';
import type { Domain, Query } from '../domain/domain.ts';
import type { EventStore } from '../event-store/event-store.ts';
import { formatLsn } from '../kernel/lsn.ts';
import type { StoreShelf } from '../projection/store-shelf.ts';
import type { Log } from '../runtime/log.ts';
import { answerQuery, type HttpAnswer, problem } from './answer-query.ts';
import { ServiceStore } from './service-store.ts';

export interface ServiceOptions {
  readonly domain: Domain;
  readonly eventLog: EventStore;
  readonly shelf: StoreShelf;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly log: Log;
}

export interface RunningService extends AsyncDisposable {
  readonly url: string;
  readonly store: ServiceStore;
  status(): ServiceStatus;
}

/** Starts projecting and answering. Rejects with PORT_IN_USE. */
export async function startService(options: ServiceOptions): Promise<RunningService> {
  const { domain, log } = options;
  const store = new ServiceStore({
    projection: domain.projection,
    shelf: options.shelf,
    eventLog: options.eventLog,
    log,
  });
  const queries = { answered: 0, behind: 0, failed: 0 };
  const router = findMyWay<findMyWay.HTTPVersion.V1>();
  for (const [pattern, query] of Object.entries(domain.queries)) {
    const [method, path] = pattern.split(' ') as [findMyWay.HTTPMethod, string];
    router.on(method, path, () => undefined, query);
  }

  const server = createServer((request, response) => {
    respond(request, response).catch((error: unknown) => {
      queries.failed += 1;
      const requestId = randomUUID();
      log.error({ err: error, requestId, path: request.url?.split('?')[0] }, 'a query failed');
      send(response, request.method, problem(500, 'The query failed', requestId));
    });
  });
  // Above the gateway's idle time, so that it is the gateway that closes an idle connection.
  server.keepAliveTimeout = 75_000;
  server.headersTimeout = 15_000;

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const found = router.find(method as findMyWay.HTTPMethod, request.url ?? '/');
    if (!found)
      return send(response, request.method, problem(404, `No query of ${domain.name} has this path`));
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const answer = await answerQuery(store, domain.capture.source.name, {
      query: found.store as Query,
      params: Object.fromEntries(Object.entries(found.params).map(([name, value]) => [name, value ?? ''])),
      search: new URL(request.url ?? '/', 'http://service').searchParams,
      headers: request.headers,
      signal: gone.signal,
    });
    if (answer.status === 425 || answer.status === 503) queries.behind += 1;
    else queries.answered += 1;
    send(response, request.method, answer);
  }

  await store.start();
  try {
    await listen(server, options.port, options.host);
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : options.port;
  return {
    url: `http://${options.host}:${port}`,
    store,
    status() {
      const { position, head, frontier, lagMs, noProgressMs, parked, error } = store.figures();
      return {
        role: 'service',
        domain: domain.name,
        state: store.isLive ? 'live' : 'building',
        position,
        head,
        lagEvents: Math.max(0, head - position),
        lagMs,
        noProgressMs,
        frontier: Object.fromEntries(
          Object.entries(frontier).map(([source, lsn]) => [source, formatLsn(lsn)]),
        ),
        rebuild: store.rebuildFigures(),
        parked,
        error,
        queries: { ...queries },
      };
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((done) => server.close(done));
      server.closeIdleConnections();
      await closed;
      await store[Symbol.asyncDispose]();
    },
  };
}

function send(
  response: ServerResponse,
  method: string | undefined,
  { status, headers, body }: HttpAnswer,
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    ...headers,
    ...(status === 204 ? {} : { 'content-length': Buffer.byteLength(body) }),
  });
  response.end(method === 'HEAD' || status === 204 ? undefined : body);
}
