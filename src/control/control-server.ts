// The control endpoint of a role, on loopback. `/livez`, `/readyz` and `/metrics` are open; `/status` and every command need
// the token, and a command besides refuses requests that a web page elsewhere could have sent.
import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { BanyanError, errorCode } from '../kernel/error.ts';
import type { Log } from '../runtime/log.ts';
import { type Metric, metricsText } from './metrics.ts';

export type ControlCommand = (input: unknown) => Promise<unknown>;

export interface ControlOptions {
  readonly port: number;
  readonly token: string;
  readonly log: Log;
  /** Live: the process turns. Ready: it can do its work; lag alone never makes it unready. */
  readonly isReady: () => boolean;
  readonly status: () => unknown;
  readonly metrics: () => readonly Metric[];
  readonly commands?: Readonly<Record<string, ControlCommand>>;
}

export interface ControlServer extends AsyncDisposable {
  readonly url: string;
}

const BODY_MAX = 65_536;
const LOOPBACK = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

/** Rejects with PORT_IN_USE. */
export async function startControlServer(options: ControlOptions): Promise<ControlServer> {
  const server = createServer((request, response) => {
    answer(options, request)
      .then(({ status, body, type }) => send(response, status, type, body))
      .catch((error: unknown) => {
        options.log.error({ err: error, url: request.url }, 'control request failed');
        send(response, 500, 'application/json', JSON.stringify(faultDocument(error)));
      });
  });
  server.headersTimeout = 10_000;
  await listen(server, options.port, '127.0.0.1');
  return {
    url: `http://127.0.0.1:${options.port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** Listens, or rejects with PORT_IN_USE naming the address. */
export async function listen(server: Server, port: number, host: string): Promise<void> {
  await new Promise<void>((done, fail) => server.once('error', fail).listen(port, host, done)).catch(
    (error: unknown) => {
      if (
        !(error instanceof Error) ||
        !('code' in error) ||
        (error.code !== 'EADDRINUSE' && error.code !== 'EACCES')
      )
        throw error;
      throw new BanyanError('PORT_IN_USE', `The address ${host}:${port} cannot be listened on`, {
        at: `${host}:${port}`,
        why: String(error.code),
        cause: error,
      });
    },
  );
}

interface ControlAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

const json = (status: number, body: unknown): ControlAnswer => ({
  status,
  type: 'application/json',
  body: JSON.stringify(body),
});

async function answer(options: ControlOptions, request: IncomingMessage): Promise<ControlAnswer> {
  const { pathname } = new URL(request.url ?? '/', 'http://control');
  if (request.method === 'GET') {
    if (pathname === '/livez') return json(200, { live: true, pid: process.pid });
    if (pathname === '/readyz') return json(options.isReady() ? 200 : 503, { ready: options.isReady() });
    if (pathname === '/metrics') {
      return { status: 200, type: 'text/plain; version=0.0.4', body: metricsText(options.metrics()) };
    }
  }
  if (!LOOPBACK.test(request.headers.host ?? '') || request.headers.origin !== undefined)
    return json(403, { error: 'foreign origin' });
  if (!isAuthorized(request, options.token))
    return json(401, { error: 'the control token is missing or wrong' });
  if (request.method === 'GET' && pathname === '/status') return json(200, options.status());
  const command = options.commands?.[pathname.slice(1)];
  if (request.method !== 'POST' || !command) return json(404, { error: 'no such control endpoint' });
  try {
    return json(200, (await command(await readJson(request))) ?? {});
  } catch (error) {
    if (!errorCode(error)) throw error;
    return json(409, faultDocument(error));
  }
}

function isAuthorized(request: IncomingMessage, token: string): boolean {
  const given = Buffer.from(request.headers.authorization ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > BODY_MAX) throw new BanyanError('USAGE', `A control command takes at most ${BODY_MAX} bytes`);
    chunks.push(chunk as Buffer);
  }
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
}

function faultDocument(error: unknown): unknown {
  const code = errorCode(error);
  if (!code) return { error: 'internal' };
  const { message, at, why, remedy } = error as BanyanError;
  return { code, what: message, at, why, remedy };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  });
  response.end(body);
}
