// A proxy in front of a server that takes one message of the connection away and cuts it: what was sent never arrives, or
// its answer never does. New connections wait until it lets them through.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

type Direction = 'request' | 'answer';

export class AnswerThief implements AsyncDisposable {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  #steal: { readonly direction: Direction; readonly mark: string; readonly done: () => void } | undefined;
  #gate: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;

  private constructor(target: string) {
    const [host, port] = target.split(':');
    this.#target = { host: host!, port: Number(port) };
    this.#server = createServer((client) => void this.#join(client));
  }

  static async before(target: string): Promise<AnswerThief> {
    const thief = new AnswerThief(target);
    thief.#server.listen(0, '127.0.0.1');
    await once(thief.#server, 'listening');
    return thief;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** Resolves when bytes with `mark` were taken, and the connection with them. Nobody gets through until `letThrough`. */
  async steal(direction: Direction, mark: string): Promise<void> {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
    await new Promise<void>((done) => {
      this.#steal = { direction, mark, done };
    });
  }

  letThrough(): void {
    this.#open();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#open();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #join(client: Socket): Promise<void> {
    this.#hold(client);
    if (!this.#steal) await this.#gate;
    const upstream = connect(this.#target);
    this.#hold(upstream);
    const cut = (): void => {
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (bytes) => this.#pass('request', bytes, upstream, cut)).on('close', cut);
    upstream.on('data', (bytes) => this.#pass('answer', bytes, client, cut)).on('close', cut);
  }

  #pass(direction: Direction, bytes: Buffer, to: Socket, cut: () => void): void {
    const steal = this.#steal;
    if (steal?.direction === direction && bytes.includes(steal.mark)) {
      this.#steal = undefined;
      cut();
      steal.done();
    } else {
      to.write(bytes);
    }
  }

  #hold(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
