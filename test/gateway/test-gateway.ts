// A gateway with a memory log, one or more plain domains, and whatever upstreams a test scripts.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Domain } from '../../src/domain/domain.ts';
import type { EventStore } from '../../src/event-store/event-store.ts';
import { createMemoryEventStore } from '../../src/event-store/memory/memory-event-store.ts';
import { type GatewayOptions, type RunningGateway, startGateway } from '../../src/gateway/gateway.ts';
import type { SourcePosition } from '../../src/gateway/session/source-position.ts';
import { type Lsn, lsn } from '../../src/kernel/lsn.ts';
import type { Stage, StageChanged } from '../../src/kernel/stage.ts';
import { uuidv7 } from '../../src/kernel/uuid.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { waitUntil } from '../../src/runtime/wait.ts';

export function testDomain(
  name: string,
  routes: {
    readonly queries?: readonly string[];
    readonly commands?: readonly string[];
    readonly ignore?: readonly string[];
  } = {},
): Domain {
  const query = { answer: () => null, ignore: routes.ignore ?? [] };
  return {
    name,
    events: {},
    capture: { source: { name: 'app', tables: {} }, tables: {} },
    listensTo: [],
    projection: { name, version: 1, tables: {}, on: {} },
    queries: Object.fromEntries((routes.queries ?? [`GET /${name}/:id`]).map((pattern) => [pattern, query])),
    commands: routes.commands ?? [`POST /${name}`],
  };
}

/** Appends what a promotion appends. */
export async function moveTo(log: EventStore, domain: string, to: Stage, percent = 0): Promise<void> {
  const data: StageChanged = {
    domain,
    from: 'mapped',
    to,
    percent,
    direction: 'promote',
    by: 'test',
    reason: null,
    gates: [],
  };
  await log.append([
    {
      stream: `migration-${domain}`,
      expected: 'any',
      events: [
        {
          id: uuidv7(),
          type: 'StageChanged',
          time: new Date().toISOString(),
          schemaVersion: 1,
          data,
          meta: { origin: 'command' },
        },
      ],
    },
  ]);
}

/** A source whose position, and whose history, the test moves. */
export class TestSource implements SourcePosition {
  at = 100n;
  timeline = 'history-1';
  isDown = false;
  asked = 0;

  async history(): Promise<string> {
    if (this.isDown) throw new Error('down');
    return this.timeline;
  }

  async insertLsn(): Promise<Lsn> {
    this.asked += 1;
    if (this.isDown) throw new Error('down');
    return lsn(this.at);
  }
}

export interface TestGateway extends AsyncDisposable {
  readonly gateway: RunningGateway;
  readonly url: string;
  readonly log: EventStore;
  readonly source: TestSource;
  /** Promotes, and waits until the gateway has followed. */
  move(domain: string, to: Stage, percent?: number): Promise<void>;
}

export async function testGateway(
  options: Pick<GatewayOptions, 'monolithUrl'> & Partial<GatewayOptions>,
): Promise<TestGateway> {
  const log = options.eventLog ?? createMemoryEventStore();
  const source = new TestSource();
  const stop = new AbortController();
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: 0,
    services: {},
    domains: [testDomain('posts')],
    eventLog: log,
    sourceName: 'app',
    sourcePosition: source,
    tokenSecret: 'a secret of the tests',
    shadowSampleRate: 0,
    log: silentLog,
    signal: stop.signal,
    ...options,
    limits: { drainMs: 200, ...options.limits },
  });
  return {
    gateway,
    url: gateway.url,
    log,
    source,
    async move(domain, to, percent = 0) {
      await moveTo(log, domain, to, percent);
      const hasMoved = (): boolean =>
        gateway
          .status()
          .domains.some(
            (one) => one.domain === domain && one.route.stage === to && one.route.percent === percent,
          );
      if (!(await waitUntil(hasMoved, { timeoutMs: 10_000, everyMs: 2 })))
        throw new Error('route not followed');
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await gateway.drain();
      await gateway.finished;
      if (!options.eventLog) await log[Symbol.asyncDispose]();
    },
  };
}

export interface HttpServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Ends it with all its connections, as a killed process would. */
  kill(): Promise<void>;
}

export async function httpServer(
  handle: (request: IncomingMessage, response: ServerResponse) => unknown,
  port = 0,
): Promise<HttpServer> {
  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  const kill = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
  return { url: `http://127.0.0.1:${address.port}`, port: address.port, kill, [Symbol.asyncDispose]: kill };
}

export function sendJson(
  response: ServerResponse,
  body: unknown,
  status = 200,
  headers: Record<string, string> = {},
): void {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    ...headers,
  });
  response.end(text);
}
