// Load on an HTTP server from a process of its own: so many connections, each kept alive with one request under way at a
// time and a cookie as a browser keeps it. On bare sockets, so that it costs the machine as little as it can.
import { connect, type Socket } from 'node:net';
import { percentile } from './figure.ts';
import { ready } from './forked.ts';

export interface LoadOrder {
  readonly url: string;
  readonly connections: number;
  readonly runMs: number;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly p99Ms: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');

class Visitor {
  readonly #url: URL;
  readonly #socket: Socket;
  #cookies = '';
  #received: Buffer = Buffer.alloc(0);
  #done: (() => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  constructor(url: URL) {
    this.#url = url;
    this.#socket = connect(Number(url.port), url.hostname);
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (piece: Buffer) => this.#take(piece));
    this.#socket.on('error', (error) => this.#failed?.(error));
    this.#socket.on('close', () => this.#failed?.(new Error('The server closed a connection')));
  }

  request(): Promise<void> {
    return new Promise((done, failed) => {
      this.#done = done;
      this.#failed = failed;
      const { host, pathname } = this.#url;
      this.#socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAccept: */*\r\n${this.#cookies}\r\n`);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #take(piece: Buffer): void {
    this.#received = this.#received.length === 0 ? piece : Buffer.concat([this.#received, piece]);
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#received.toString('latin1', 0, headEnd);
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    if (!head.startsWith('HTTP/1.1 200') || length === undefined) {
      this.#failed?.(new Error(`${this.#url} answered ${head}`));
      return;
    }
    if (this.#received.length < headEnd + HEAD_END.length + Number(length)) return;
    this.#received = Buffer.alloc(0);
    if (this.#cookies === '') this.#cookies = cookiesOf(head);
    this.#done?.();
  }
}

function cookiesOf(head: string): string {
  const set = [...head.matchAll(/\r\nset-cookie: ([^;\r]+)/gi)].map(([, cookie]) => cookie);
  return set.length === 0 ? '' : `Cookie: ${set.join('; ')}\r\n`;
}

async function load({ url, connections, runMs }: LoadOrder): Promise<LoadResult> {
  const visitors = Array.from({ length: connections }, () => new Visitor(new URL(url)));
  const latencies: number[] = [];
  const start = performance.now();
  const visit = async (visitor: Visitor): Promise<void> => {
    for (let at = performance.now(); at - start < runMs; ) {
      await visitor.request();
      const now = performance.now();
      latencies.push(now - at);
      at = now;
    }
  };
  await Promise.all(visitors.map(visit));
  const seconds = (performance.now() - start) / 1_000;
  for (const visitor of visitors) visitor.close();
  return { perSecond: latencies.length / seconds, p99Ms: percentile(latencies, 0.99) };
}

process.on('message', (order: LoadOrder) => void load(order).then((result) => process.send!(result)));
ready('ready');
