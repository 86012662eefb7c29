// One connection to an upstream, used for one request after the other. It knows what was sent and what has arrived, so
// that a request is only ever repeated when that cannot do anything twice.
import { connect, type Socket } from 'node:net';
import type { GatewayLimits } from '../limits.ts';
import { type AnswerEvents, type AnswerHead, AnswerParser, MalformedAnswer } from './answer-parser.ts';

/**
 * connect    no connection came about: nothing was sent.
 * connect-timeout  nor did one in time.
 * busy       every allowed connection is in use: nothing was sent.
 * timeout    connected, and no byte of the answer in time; or no further byte of it.
 * reset      the connection ended before the answer did.
 * malformed  the answer breaks the protocol.
 */
export interface UpstreamFault {
  readonly kind: 'connect' | 'connect-timeout' | 'busy' | 'timeout' | 'reset' | 'malformed';
  readonly hasAnswerBegun: boolean;
  readonly detail: string;
}

/** Who asked, and is told what comes back. Nothing is told after `end`, `fault` or `upgraded`. */
export interface AnswerSink {
  information(status: number, reason: string, headers: readonly string[]): void;
  head(head: AnswerHead): void;
  body(chunk: Buffer): void;
  end(trailers: readonly string[]): void;
  /** All that arrived together has been told. */
  flush(): void;
  /** More of the request can be taken. */
  drain(): void;
  upgraded(head: AnswerHead, socket: Socket, rest: Buffer): void;
  fault(fault: UpstreamFault): void;
}

export interface UpstreamRequest {
  readonly method: string;
  /** Request line and headers, with the empty line that ends them. */
  readonly head: string;
  readonly hasBody: boolean;
  readonly isUpgrade: boolean;
  /** From the request's end to the answer's first byte. */
  readonly answerMs: number;
}

export interface ConnectionOwner {
  readonly address: { readonly host: string; readonly port: number };
  readonly limits: GatewayLimits;
  /** The connection can be used again. */
  released(connection: UpstreamConnection): void;
  closed(connection: UpstreamConnection): void;
}

export class UpstreamConnection implements AnswerEvents {
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #parser: AnswerParser;
  #sink: AnswerSink | undefined;
  #request: UpstreamRequest | undefined;
  #isConnected = false;
  #isRequestSent = true;
  #hasAnswerBegun = false;
  #isReusable = false;
  #isClosed = false;
  #idleMs: number;
  #uses = 0;

  constructor(owner: ConnectionOwner) {
    this.#owner = owner;
    this.#idleMs = owner.limits.upstreamIdleMs;
    this.#parser = new AnswerParser(this);
    this.#socket = connect({ ...owner.address, noDelay: true });
    this.#socket.setTimeout(owner.limits.connectMs);
    this.#socket.on('connect', () => {
      this.#isConnected = true;
      this.#armTimeout();
    });
    this.#socket.on('data', this.#onData);
    this.#socket.on('drain', () => this.#sink?.drain());
    this.#socket.on('timeout', () => this.#onTimeout());
    this.#socket.on('end', () => this.#onEnd());
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#onBroken(error.code ?? 'error'));
    this.#socket.on('close', () => this.#onBroken('closed'));
  }

  /** An earlier request went through it: the other side may be closing it at this very moment. */
  get isReused(): boolean {
    return this.#uses > 1;
  }

  send(request: UpstreamRequest, sink: AnswerSink): void {
    this.#sink = sink;
    this.#request = request;
    this.#hasAnswerBegun = false;
    this.#isReusable = false;
    this.#isRequestSent = !request.hasBody;
    this.#uses += 1;
    this.#parser.begin(request.method, request.isUpgrade);
    this.#socket.write(request.head, 'latin1');
    if (this.#isConnected) this.#armTimeout();
  }

  write(piece: string | Buffer): boolean {
    return this.#socket.write(piece, 'latin1');
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  requestSent(): void {
    this.#isRequestSent = true;
    this.#armTimeout();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends it at once, whatever is under way; nobody is told. */
  destroy(): void {
    this.#sink = undefined;
    this.#socket.destroy();
    this.#markClosed();
  }

  information(status: number, reason: string, headers: readonly string[]): void {
    this.#sink?.information(status, reason, headers);
  }

  head(head: AnswerHead): void {
    this.#isReusable = head.isKeepAlive;
    if (head.keepAliveMs !== undefined)
      this.#idleMs = Math.min(this.#owner.limits.upstreamIdleMs, head.keepAliveMs - 1_000);
    this.#socket.setTimeout(this.#owner.limits.streamIdleMs);
    this.#sink?.head(head);
  }

  body(chunk: Buffer): void {
    this.#sink?.body(chunk);
  }

  end(trailers: readonly string[], hasExcess: boolean): void {
    const sink = this.#sink;
    this.#sink = undefined;
    // An answer that comes before the request's end leaves the other side with half a request.
    if (this.#isReusable && this.#isRequestSent && !hasExcess && this.#idleMs > 0 && !this.#isClosed) {
      this.#socket.setTimeout(this.#idleMs);
      if (this.#socket.isPaused()) this.#socket.resume();
      this.#owner.released(this);
    } else {
      this.destroy();
    }
    sink?.end(trailers);
  }

  upgraded(head: AnswerHead, rest: Buffer): void {
    const sink = this.#sink;
    this.#sink = undefined;
    this.#socket.removeAllListeners();
    this.#socket.setTimeout(0);
    this.#socket.pause();
    this.#markClosed();
    if (sink) sink.upgraded(head, this.#socket, rest);
    else this.#socket.destroy();
  }

  readonly #onData = (piece: Buffer): void => {
    const sink = this.#sink;
    if (!sink) {
      // Nobody asked: what comes could only be taken for the answer to the next request.
      this.destroy();
      return;
    }
    this.#hasAnswerBegun = true;
    try {
      this.#parser.execute(piece);
    } catch (error) {
      if (!(error instanceof MalformedAnswer)) throw error;
      this.#fail('malformed', error.message);
      return;
    }
    if (this.#sink === sink) sink.flush();
  };

  #onEnd(): void {
    if (this.#sink && this.#parser.finish()) return;
    this.#onBroken('closed');
  }

  #onTimeout(): void {
    if (!this.#sink) this.destroy();
    else if (!this.#isConnected) this.#fail('connect-timeout', 'no connection in time');
    else this.#fail('timeout', this.#hasAnswerBegun ? 'the answer stopped' : 'no answer in time');
  }

  #onBroken(code: string): void {
    if (this.#isClosed && !this.#sink) return;
    this.#fail(this.#isConnected ? 'reset' : 'connect', code);
  }

  #fail(kind: UpstreamFault['kind'], detail: string): void {
    const sink = this.#sink;
    const hasAnswerBegun = this.#hasAnswerBegun;
    this.destroy();
    sink?.fault({ kind, hasAnswerBegun, detail });
  }

  /** While the request is still being sent, its sender watches the time. */
  #armTimeout(): void {
    this.#socket.setTimeout(this.#isRequestSent ? (this.#request?.answerMs ?? 0) : 0);
  }

  #markClosed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#owner.closed(this);
  }
}
