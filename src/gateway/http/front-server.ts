// The listening side: Node's strict parser with every bound set, one request of a connection at a time, and an answer of
// our own to whatever is no request.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { BanyanError } from '../../kernel/error.ts';
import type { GatewayLimits } from '../limits.ts';
import { cutLinger } from './linger.ts';
import { type Problem, rawProblem, sendProblem } from './problem.ts';
import { nextRequestId } from './request-head.ts';

export interface FrontHandlers {
  readonly request: (request: IncomingMessage, response: ServerResponse, isExpecting: boolean) => void;
  readonly upgrade: (request: IncomingMessage, socket: Socket, rest: Buffer) => void;
}

export interface FrontServer {
  readonly server: Server;
  /** Ends the connections that no request is under way on, also those that never had one. */
  closeUnused(): void;
}

const PARSE_PROBLEMS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not come in time.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunk extensions are too large.'],
};

export function createFrontServer(limits: GatewayLimits, handlers: FrontHandlers): FrontServer {
  const active = new WeakMap<Duplex, ServerResponse>();
  const open = new Set<Socket>();
  const perAddress = new Map<string, number>();
  const server = createServer({
    insecureHTTPParser: false,
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerMs,
    // A large upload may take its time; the forwarder watches that it moves.
    requestTimeout: 0,
    keepAliveTimeout: limits.clientIdleMs,
    connectionsCheckingInterval: Math.min(5_000, limits.headerMs),
    noDelay: true,
    shouldUpgradeCallback: (request: IncomingMessage) => isWebSocket(request),
  });
  server.maxConnections = limits.connections;
  // Node would drop what is beyond its count without a word; ours is refused, and the bytes are bounded anyway.
  server.maxHeadersCount = 0;

  const handle = (request: IncomingMessage, response: ServerResponse, isExpecting: boolean): void => {
    const { socket } = request;
    const before = active.get(socket);
    active.set(socket, response);
    // What a pipelined request reads may depend on what the one before it writes.
    if (before && !before.closed)
      before.once('close', () => handlers.request(request, response, isExpecting));
    else handlers.request(request, response, isExpecting);
  };
  server.on('request', (request, response) => handle(request, response, false));
  server.on('checkContinue', (request, response) => handle(request, response, true));
  server.on('checkExpectation', (_request, response) => {
    const detail = 'No expectation but `100-continue` is met.';
    sendProblem(response, { status: 417, detail, requestId: nextRequestId(), lingerMs: limits.lingerMs });
  });
  server.on('upgrade', (request, socket, rest) => {
    if (!isWebSocket(request)) refuse(socket, { status: 400, detail: 'Only WebSocket is upgraded to.' });
    else {
      open.delete(socket as Socket);
      handlers.upgrade(request, socket as Socket, rest);
    }
  });
  server.on('connect', (_request, socket) => {
    refuse(socket, { status: 405, detail: 'CONNECT is not answered here.' });
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const response = active.get(socket);
    const isAnswering = response !== undefined && !response.closed;
    // Already refused: what comes behind the refusal changes nothing about it.
    if (isAnswering && cutLinger(response)) return;
    if (!socket.writable || (isAnswering && response.headersSent)) {
      socket.destroy();
      return;
    }
    const [status, detail] = PARSE_PROBLEMS[error.code ?? ''] ?? [400, 'The request is malformed.'];
    refuse(socket, { status, detail });
  });
  server.on('connection', (socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (perAddress.get(address) ?? 0) + 1;
    if (count > limits.connectionsPerAddress) {
      socket.destroy();
      return;
    }
    perAddress.set(address, count);
    open.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      const left = perAddress.get(address)! - 1;
      if (left === 0) perAddress.delete(address);
      else perAddress.set(address, left);
    });
  });
  return {
    server,
    closeUnused: () => {
      for (const socket of open) {
        if (active.get(socket)?.closed ?? true) socket.destroy();
      }
    },
  };
}

/** Rejects with PORT_IN_USE, or with what else the system says. */
export async function listen(server: Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === 'EADDRINUSE';
      const fault = new BanyanError('PORT_IN_USE', `Port ${port} of ${host} is in use`, {
        at: 'gateway',
        cause,
      });
      reject(isTaken ? fault : cause);
    });
    server.listen(port, host, resolve);
  });
  const address = server.address();
  const actual = typeof address === 'object' && address ? address.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${actual}`;
}

function isWebSocket(request: IncomingMessage): boolean {
  return request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket';
}

function refuse(socket: Duplex, problem: Pick<Problem, 'status' | 'detail'>): void {
  socket.on('error', () => socket.destroy());
  const text = rawProblem({ ...problem, requestId: nextRequestId() });
  // Half-closed first: closing with bytes unread could take the answer away from the client.
  socket.end(text, () => setTimeout(() => socket.destroy(), 100));
}
