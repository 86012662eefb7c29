// Both ends of a connection as bytes, for tests that must see what no HTTP library would show.
import { connect, createServer, type Socket } from 'node:net';
import { waitUntil } from '../../../src/runtime/wait.ts';

/** What came over a socket so far, and a way to wait for more. */
export class RawConnection {
  readonly socket: Socket;
  received = '';
  isEnded = false;
  isClosed = false;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (piece) => {
      this.received += piece.toString('latin1');
    });
    socket.on('end', () => {
      this.isEnded = true;
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('error', () => undefined);
  }

  send(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  }

  /** Resolves with all that was received once it holds `pattern`; throws with what came instead. */
  async until(pattern: string | RegExp): Promise<string> {
    const holds = (): boolean =>
      typeof pattern === 'string' ? this.received.includes(pattern) : pattern.test(this.received);
    await waitUntil(() => holds() || this.isClosed, { timeoutMs: 5_000, everyMs: 2 });
    if (!holds()) {
      throw new Error(`Waited for ${pattern}, received: ${JSON.stringify(this.received.slice(0, 2_000))}`);
    }
    return this.received;
  }

  /** Each request without a body that comes, until the other side closes. */
  async *requests(): AsyncGenerator<string> {
    let at = 0;
    const end = (): number => this.received.indexOf('\r\n\r\n', at);
    while (
      await waitUntil(() => end() >= 0 || this.isClosed || this.isEnded, { timeoutMs: 30_000, everyMs: 2 })
    ) {
      if (end() < 0) return;
      const head = this.received.slice(at, end());
      at = end() + 4;
      yield head;
    }
  }

  async untilClosed(): Promise<string> {
    if (!(await waitUntil(() => this.isClosed || this.isEnded, { timeoutMs: 5_000, everyMs: 2 }))) {
      throw new Error(`Waited for the end, received: ${JSON.stringify(this.received.slice(0, 2_000))}`);
    }
    return this.received;
  }
}

export function rawClient(url: string): RawConnection {
  const { hostname, port } = new URL(url);
  return new RawConnection(connect({ host: hostname, port: Number(port), noDelay: true }));
}

/** A TCP server: `serve` is called for each connection; all of them stay listed. */
export interface RawServer extends AsyncDisposable {
  readonly url: string;
  readonly connections: RawConnection[];
}

export async function rawServer(
  serve: (connection: RawConnection) => void | Promise<void>,
): Promise<RawServer> {
  const connections: RawConnection[] = [];
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const connection = new RawConnection(socket);
    connections.push(connection);
    // What it still waits for when the test ends does not come; everything else is a failure of the test.
    void Promise.resolve(serve(connection)).catch((error: unknown) => {
      if (!connection.isClosed) throw error;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    connections,
    async [Symbol.asyncDispose]() {
      for (const { socket } of connections) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The head and the body of the last answer in `text`, when it has a content length. */
export function splitAnswer(text: string): {
  readonly status: number;
  readonly head: string;
  readonly body: string;
} {
  const end = text.indexOf('\r\n\r\n');
  return { status: Number(text.slice(9, 12)), head: text.slice(0, end), body: text.slice(end + 4) };
}
