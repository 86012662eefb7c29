// The monolith: one process, one pool, all routes. A command is answered only after its COMMIT.
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { answer } from './answer.ts';
import { authRoutes } from './auth.ts';
import { clapRoutes } from './clap.ts';
import { openPool } from './database.ts';
import { feedRoutes } from './feed.ts';
import { memberRoutes } from './member.ts';
import { postRoutes } from './post.ts';
import { postEditRoutes } from './post-edit.ts';
import { publicationRoutes } from './publication.ts';
import { send } from './response.ts';
import type { Route } from './router.ts';
import { loadSigningKey } from './signing-key.ts';
import { loadStaticFiles } from './static-file.ts';

export interface MonolithOptions {
  readonly databaseUrl: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: a free port. */
  readonly port?: number;
  /** Connections to the database at most; default 10. */
  readonly poolSize?: number;
  /** The private key as a JWK in JSON. */
  readonly signingKey?: string;
  /** Where the private key is kept when `signingKey` is absent; without either it lives as long as the process. */
  readonly keyFile?: string;
}

export interface Monolith {
  readonly url: string;
  /** Finishes what is in flight, then closes sockets and pool. */
  close(): Promise<void>;
}

/** Longer than a proxy keeps idle sockets, so that none is reused in the moment it is closed here. */
const KEEP_ALIVE_TIMEOUT_MS = 65_000;
const CLOSE_DEADLINE_MS = 10_000;

export async function startMonolith(options: MonolithOptions): Promise<Monolith> {
  const key = await loadSigningKey(options.signingKey, options.keyFile);
  const files = await loadStaticFiles(fileURLToPath(new URL('../web', import.meta.url)));
  const pool = openPool(options.databaseUrl, options.poolSize ?? 10);
  const health: Route = {
    method: 'GET',
    pattern: '/healthz',
    handle: async () => {
      await pool.query('select 1');
      return { status: 200, body: { status: 'ok' } };
    },
  };
  const routes = [
    health,
    ...authRoutes(pool, key),
    ...feedRoutes(pool),
    ...postRoutes(pool),
    ...postEditRoutes(pool),
    ...clapRoutes(pool),
    ...memberRoutes(pool),
    ...publicationRoutes(pool),
  ];
  const site = { routes, files, publicKey: key.publicKey };
  let isClosing = false;
  const server = createServer((request: IncomingMessage, response) => {
    void answer(site, request).then((reply) => {
      if (isClosing) response.shouldKeepAlive = false;
      send(request, response, reply);
    });
  });
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  const url = await listen(server, options.host ?? '127.0.0.1', options.port ?? 0);
  return {
    url,
    close: async () => {
      isClosing = true;
      await closeServer(server);
      await pool.end();
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((done, fail) => server.once('error', fail).listen(port, host, done));
  const address = server.address() as AddressInfo;
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}

async function closeServer(server: Server): Promise<void> {
  const deadline = setTimeout(() => server.closeAllConnections(), CLOSE_DEADLINE_MS);
  await new Promise<void>((done) => server.close(() => done()));
  clearTimeout(deadline);
}
