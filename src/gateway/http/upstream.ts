// The connections to one upstream: kept alive, bounded, and used so that no request is carried out twice. A request that
// could not be repeated goes out on a fresh connection, because a kept one may be closing while it is written; one without
// a body and idempotent is repeated once when a kept connection turned out to be dead before a byte of the answer came.
import type { Socket } from 'node:net';
import type { GatewayLimits } from '../limits.ts';
import type { AnswerHead } from './answer-parser.ts';
import {
  type AnswerSink,
  type ConnectionOwner,
  UpstreamConnection,
  type UpstreamFault,
  type UpstreamRequest,
} from './upstream-connection.ts';

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** A request under way. */
export interface UpstreamExchange {
  /** False: wait for the sink's `drain` before more. */
  write(piece: Buffer, isChunked: boolean): boolean;
  /** The request is complete; `tail` is what its framing still needs. */
  finish(tail: string): void;
  pause(): void;
  resume(): void;
  /** Ends it at any stage; the sink is told nothing more. */
  abort(): void;
}

export class Upstream implements ConnectionOwner, AsyncDisposable {
  readonly address: { readonly host: string; readonly port: number };
  readonly limits: GatewayLimits;
  readonly #idle: UpstreamConnection[] = [];
  readonly #open = new Set<UpstreamConnection>();

  constructor(url: string, limits: GatewayLimits) {
    const { hostname, port } = new URL(url);
    this.address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) };
    this.limits = limits;
  }

  send(request: UpstreamRequest, sink: AnswerSink): UpstreamExchange {
    return new Exchange(this, request, sink);
  }

  /** A kept connection (the one used last, so that the others can go), or a fresh one; undefined when there are too many. */
  take(isFresh: boolean): UpstreamConnection | undefined {
    const kept = isFresh ? undefined : this.#idle.pop();
    if (kept) return kept;
    if (this.#open.size >= this.limits.upstreamConnections && !this.#closeIdle()) return undefined;
    const connection = new UpstreamConnection(this);
    this.#open.add(connection);
    return connection;
  }

  released(connection: UpstreamConnection): void {
    this.#idle.push(connection);
  }

  closed(connection: UpstreamConnection): void {
    this.#open.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#open) connection.destroy();
  }

  #closeIdle(): boolean {
    const oldest = this.#idle[0];
    oldest?.destroy();
    return oldest !== undefined;
  }
}

class Exchange implements UpstreamExchange, AnswerSink {
  readonly #upstream: Upstream;
  readonly #request: UpstreamRequest;
  readonly #sink: AnswerSink;
  #connection: UpstreamConnection | undefined;
  #mayRepeat: boolean;

  constructor(upstream: Upstream, request: UpstreamRequest, sink: AnswerSink) {
    this.#upstream = upstream;
    this.#request = request;
    this.#sink = sink;
    this.#mayRepeat = IDEMPOTENT.has(request.method) && !request.hasBody;
    this.#begin(!this.#mayRepeat || request.isUpgrade);
  }

  write(piece: Buffer, isChunked: boolean): boolean {
    const connection = this.#connection;
    if (!connection) return true;
    if (!isChunked) return connection.write(piece);
    connection.cork();
    connection.write(`${piece.length.toString(16)}\r\n`);
    connection.write(piece);
    const hasRoom = connection.write('\r\n');
    connection.uncork();
    return hasRoom;
  }

  finish(tail: string): void {
    if (tail !== '') this.#connection?.write(tail);
    this.#connection?.requestSent();
  }

  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  abort(): void {
    this.#connection?.destroy();
    this.#connection = undefined;
  }

  information(status: number, reason: string, headers: readonly string[]): void {
    this.#sink.information(status, reason, headers);
  }

  head(head: AnswerHead): void {
    this.#sink.head(head);
  }

  body(chunk: Buffer): void {
    this.#sink.body(chunk);
  }

  end(trailers: readonly string[]): void {
    // It may serve someone else from here on.
    this.#connection = undefined;
    this.#sink.end(trailers);
  }

  flush(): void {
    this.#sink.flush();
  }

  drain(): void {
    this.#sink.drain();
  }

  upgraded(head: AnswerHead, socket: Socket, rest: Buffer): void {
    this.#connection = undefined;
    this.#sink.upgraded(head, socket, rest);
  }

  fault(fault: UpstreamFault): void {
    const wasReused = this.#connection?.isReused ?? false;
    this.#connection = undefined;
    if (fault.kind === 'reset' && wasReused && !fault.hasAnswerBegun && this.#mayRepeat) {
      this.#mayRepeat = false;
      this.#begin(true);
    } else {
      this.#sink.fault(fault);
    }
  }

  #begin(isFresh: boolean): void {
    this.#connection = this.#upstream.take(isFresh);
    if (this.#connection) this.#connection.send(this.#request, this);
    else
      queueMicrotask(() =>
        this.#sink.fault({ kind: 'busy', hasAnswerBegun: false, detail: 'every connection is in use' }),
      );
  }
}
