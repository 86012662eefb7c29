// One HTTP server of the gateway's benchmark, in a process of its own: `upstream` answers a kilobyte of JSON by itself,
// `http-proxy` and `gateway` stand in front of one whose URL they are given. Says its URL when it is ready.
import { Agent, createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import httpProxy from 'http-proxy';
import type { Domain } from '../../src/domain/domain.ts';
import { createMemoryEventStore } from '../../src/event-store/memory/memory-event-store.ts';
import { startGateway } from '../../src/gateway/gateway.ts';
import { type Lsn, lsn } from '../../src/kernel/lsn.ts';
import type { StageChanged } from '../../src/kernel/stage.ts';
import { uuidv7 } from '../../src/kernel/uuid.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { ready } from './forked.ts';

const BODY = JSON.stringify({
  posts: Array.from({ length: 10 }, (_, id) => ({ id, title: 'Roots '.repeat(14) })),
});
const HOST = '127.0.0.1';
/** The path of a query that a service has taken over; every other is the monolith's. */
const QUERY = 'GET /posts';

const domain: Domain = {
  name: 'posts',
  events: {},
  capture: { source: { name: 'app', tables: {} }, tables: {} },
  listensTo: [],
  projection: { name: 'posts', version: 1, tables: {}, on: {} },
  queries: { [QUERY]: { answer: () => null, ignore: [] } },
  commands: [],
};

const [kind, upstreamUrl] = process.argv.slice(2);
switch (kind) {
  case 'upstream':
    ready(await listening(upstream()));
    break;
  case 'http-proxy':
    ready(await listening(proxy(upstreamUrl!)));
    break;
  case 'gateway':
    ready(await gateway(upstreamUrl!));
    break;
  default:
    throw new Error(`There is no server ${kind}`);
}

function upstream(): Server {
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(BODY) };
  return createServer((_, response) => response.writeHead(200, headers).end(BODY));
}

function proxy(target: string): Server {
  const forwarder = httpProxy.createProxyServer({
    target,
    agent: new Agent({ keepAlive: true }),
    xfwd: true,
  });
  return createServer((request, response) => forwarder.web(request, response));
}

async function listening(server: Server): Promise<string> {
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((done) => server.listen(0, HOST, done));
  return `http://${HOST}:${(server.address() as AddressInfo).port}`;
}

/** Both sides are the same server: what is measured is the way there. */
async function gateway(url: string): Promise<string> {
  const eventLog = createMemoryEventStore();
  const data: StageChanged = {
    ...{ domain: domain.name, from: 'shadowing', to: 'reading', percent: 100 },
    ...{ direction: 'promote', by: 'bench', reason: null, gates: [] },
  };
  const event = {
    ...{ id: uuidv7(), type: 'StageChanged', time: new Date().toISOString(), schemaVersion: 1, data },
    meta: { origin: 'command' },
  } as const;
  await eventLog.append([{ stream: `migration-${domain.name}`, expected: 'any', events: [event] }]);
  const running = await startGateway({
    host: HOST,
    port: 0,
    monolithUrl: url,
    services: { posts: url },
    domains: [domain],
    eventLog,
    sourceName: 'app',
    sourcePosition: { history: async () => 'bench', insertLsn: async (): Promise<Lsn> => lsn(100n) },
    tokenSecret: 'a secret of the benchmark',
    shadowSampleRate: 0,
    log: silentLog,
    signal: new AbortController().signal,
  });
  return running.url;
}
