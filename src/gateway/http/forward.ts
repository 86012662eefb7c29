// Moves one request to an upstream and its answer to the client, byte for byte, piece by piece, and holds neither: each
// side reads as fast as the other takes. Either side's end ends the other, and a short answer never ends as a whole one.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { GatewayLimits } from '../limits.ts';
import type { AnswerCopy } from './answer-copy.ts';
import { clientHeaders } from './answer-head.ts';
import type { AnswerHead } from './answer-parser.ts';
import { passableTrailers } from './hop-by-hop.ts';
import { endAfterLinger } from './linger.ts';
import type { RequestHead } from './request-head.ts';
import type { Upstream, UpstreamExchange } from './upstream.ts';
import type { AnswerSink, UpstreamFault } from './upstream-connection.ts';

export interface ForwardPlan {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly head: RequestHead;
  readonly upstream: Upstream;
  /** The head's bytes for this upstream. */
  readonly text: string;
  readonly answerMs: number;
  readonly limits: GatewayLimits;
  /** The client waits for `100 Continue` before it sends the body. */
  readonly isExpecting: boolean;
  /** Whether the client gets this answer; when not, nothing of it is sent. */
  readonly accept?: (head: AnswerHead) => boolean;
  /** What has to end before the client sees the first byte of the answer. Never rejects. */
  readonly beforeAnswer?: () => Promise<void>;
  /** Added to the answer; asked for when its head is written. */
  readonly answerHeaders: () => readonly string[];
  readonly copy?: AnswerCopy | undefined;
  /** The client's connection is not to be used again. */
  readonly isLast: () => boolean;
}

export type ForwardOutcome =
  | { readonly outcome: 'answered'; readonly head: AnswerHead }
  /** Not accepted: the client has got nothing. */
  | { readonly outcome: 'refused'; readonly head: AnswerHead }
  /** The upstream failed and the client has got nothing. */
  | { readonly outcome: 'fault'; readonly fault: UpstreamFault }
  /** The client's own doing, and it has got nothing: its body is too large, or does not come. */
  | { readonly outcome: 'too-large' | 'body-timeout' }
  /** The upstream failed in the middle of its answer: the client's connection was destroyed. */
  | { readonly outcome: 'broken'; readonly fault: UpstreamFault }
  /** The client went away: the upstream's request was ended. */
  | { readonly outcome: 'aborted' };

/** `done` is called once. */
export function forward(plan: ForwardPlan, done: (outcome: ForwardOutcome) => void): void {
  new Forwarding(plan, done).start();
}

class Forwarding implements AnswerSink {
  readonly #plan: ForwardPlan;
  #done: ((outcome: ForwardOutcome) => void) | undefined;
  #exchange: UpstreamExchange | undefined;
  #head: AnswerHead | undefined;
  #isHeadWritten = false;
  /** One piece is kept back until it is known whether it is the last: a small answer is then one write. */
  #kept: Buffer | undefined;
  /** While `beforeAnswer` runs: what has arrived, and the trailers once the answer is whole. */
  #held: { pieces: Buffer[]; trailers: readonly string[] | undefined } | undefined;
  #isPaused = false;
  #bytesTaken = 0;
  #bodyTimer: NodeJS.Timeout | undefined;

  constructor(plan: ForwardPlan, done: (outcome: ForwardOutcome) => void) {
    this.#plan = plan;
    this.#done = done;
  }

  start(): void {
    const { upstream, head, text, answerMs, response, isExpecting, limits } = this.#plan;
    response.on('close', this.#onClientClosed);
    this.#exchange = upstream.send(
      { method: head.method, head: text, hasBody: head.hasBody, isUpgrade: false, answerMs },
      this,
    );
    if (!head.hasBody) return;
    if (isExpecting) this.#bodyTimer = setTimeout(() => this.#takeBody(), limits.expectMs);
    else this.#pump();
  }

  information(status: number, reason: string, headers: readonly string[]): void {
    const { response, isExpecting } = this.#plan;
    if (status === 100) {
      if (isExpecting) this.#takeBody();
      return;
    }
    const { socket } = response;
    // A response has no socket while an earlier one of its connection is still being written.
    if (!socket || this.#isHeadWritten || response.req.httpVersion !== '1.1') return;
    const head: AnswerHead = {
      status,
      reason,
      headers,
      framing: 'none',
      isKeepAlive: true,
      keepAliveMs: undefined,
    };
    const passed = clientHeaders(head, false);
    let text = `HTTP/1.1 ${status} ${reason}\r\n`;
    for (let at = 0; at < passed.length; at += 2) text += `${passed[at]}: ${passed[at + 1]}\r\n`;
    socket.write(`${text}\r\n`, 'latin1');
  }

  head(head: AnswerHead): void {
    const { accept, beforeAnswer } = this.#plan;
    this.#head = head;
    if (accept && !accept(head)) {
      this.#finish({ outcome: 'refused', head });
      return;
    }
    if (!beforeAnswer) return;
    this.#held = { pieces: [], trailers: undefined };
    this.#exchange?.pause();
    void beforeAnswer().then(() => this.#release());
  }

  body(chunk: Buffer): void {
    if (!this.#done) return;
    this.#plan.copy?.push(chunk);
    if (this.#held) {
      this.#held.pieces.push(chunk);
      return;
    }
    if (this.#kept) this.#write(this.#kept);
    this.#kept = chunk;
  }

  end(trailers: readonly string[]): void {
    this.#exchange = undefined;
    if (!this.#done) return;
    if (this.#held) {
      this.#held.trailers = trailers;
      return;
    }
    const { response, request, head, limits } = this.#plan;
    if (!this.#isHeadWritten) this.#writeHead();
    const passed = head.acceptsTrailers ? passableTrailers(trailers) : [];
    if (passed.length > 0) response.addTrailers(pairs(passed));
    const kept = this.#kept;
    const answer = this.#head!;
    this.#finish({ outcome: 'answered', head: answer });
    if (request.complete || !head.hasBody) {
      response.end(kept);
    } else {
      if (kept) response.write(kept);
      endAfterLinger(request, response, limits.lingerMs);
    }
  }

  flush(): void {
    if (!this.#done) {
      // The rest of an answer that was not accepted: it has not come at once, so it is not waited for.
      this.#exchange?.abort();
      return;
    }
    if (this.#held || !this.#head) return;
    const kept = this.#kept;
    this.#kept = undefined;
    if (kept) this.#write(kept);
    else if (!this.#isHeadWritten) {
      this.#writeHead();
      this.#plan.response.flushHeaders();
    }
  }

  drain(): void {
    this.#bodyTimer?.refresh();
    this.#plan.request.resume();
  }

  upgraded(_head: AnswerHead, socket: Socket): void {
    socket.destroy();
  }

  fault(fault: UpstreamFault): void {
    this.#exchange = undefined;
    if (this.#isHeadWritten) {
      this.#finish({ outcome: 'broken', fault });
      this.#plan.response.destroy();
    } else {
      this.#finish({ outcome: 'fault', fault });
    }
  }

  #release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (!held || !this.#done) return;
    for (const piece of held.pieces) {
      if (this.#kept) this.#write(this.#kept);
      this.#kept = piece;
    }
    if (held.trailers) {
      this.end(held.trailers);
    } else {
      this.flush();
      if (!this.#isPaused) this.#exchange?.resume();
    }
  }

  #writeHead(): void {
    const { response, request, head, answerHeaders, isLast } = this.#plan;
    const answer = this.#head!;
    this.#isHeadWritten = true;
    const headers = clientHeaders(answer, head.acceptsTrailers);
    for (const text of answerHeaders()) headers.push(text);
    // The rest of the request would be taken for the next one.
    if ((head.hasBody && !request.complete) || isLast()) headers.push('connection', 'close');
    response.sendDate = false;
    response.writeHead(answer.status, answer.reason, headers);
  }

  #write(chunk: Buffer): void {
    if (!this.#isHeadWritten) this.#writeHead();
    const { response } = this.#plan;
    if (response.write(chunk) || this.#isPaused) return;
    this.#isPaused = true;
    this.#exchange?.pause();
    response.once('drain', () => {
      this.#isPaused = false;
      if (!this.#held) this.#exchange?.resume();
    });
  }

  /** Lets the client send its body, which it holds back until it is asked for. */
  #takeBody(): void {
    if (!this.#done || this.#head || this.#plan.request.listenerCount('data') > 0) return;
    clearTimeout(this.#bodyTimer);
    this.#plan.response.writeContinue();
    this.#pump();
  }

  #pump(): void {
    const { request, limits } = this.#plan;
    this.#bodyTimer = setTimeout(() => this.#onBodyStopped(), limits.bodyIdleMs);
    request.on('data', this.#onBody);
    request.on('end', this.#onBodyEnd);
  }

  readonly #onBody = (chunk: Buffer): void => {
    const { request, head, limits } = this.#plan;
    this.#bodyTimer?.refresh();
    this.#bytesTaken += chunk.length;
    if (this.#bytesTaken > limits.bodyBytes) {
      this.#stop({ outcome: 'too-large' });
    } else if (this.#exchange?.write(chunk, head.framing.kind === 'chunked') === false) {
      request.pause();
    }
  };

  readonly #onBodyEnd = (): void => {
    clearTimeout(this.#bodyTimer);
    const { request, head } = this.#plan;
    if (head.framing.kind !== 'chunked') {
      this.#exchange?.finish('');
      return;
    }
    const trailers = passableTrailers(request.rawTrailers);
    let tail = '0\r\n';
    for (let at = 0; at < trailers.length; at += 2) tail += `${trailers[at]}: ${trailers[at + 1]}\r\n`;
    this.#exchange?.finish(`${tail}\r\n`);
  };

  #onBodyStopped(): void {
    if (this.#plan.request.isPaused()) {
      const fault = { kind: 'timeout', hasAnswerBegun: false, detail: 'the request is not taken' } as const;
      this.#stop({ outcome: 'fault', fault });
    } else {
      this.#stop({ outcome: 'body-timeout' });
    }
  }

  /** Ends it from this side; once the answer is on its way the client can only see that it breaks off. */
  #stop(outcome: ForwardOutcome): void {
    this.#exchange?.abort();
    this.#exchange = undefined;
    if (this.#isHeadWritten) this.#plan.response.destroy();
    this.#finish(this.#isHeadWritten ? { outcome: 'aborted' } : outcome);
  }

  readonly #onClientClosed = (): void => {
    this.#exchange?.abort();
    this.#exchange = undefined;
    this.#finish({ outcome: 'aborted' });
  };

  #finish(outcome: ForwardOutcome): void {
    const done = this.#done;
    if (!done) return;
    this.#done = undefined;
    clearTimeout(this.#bodyTimer);
    const { request, response } = this.#plan;
    response.off('close', this.#onClientClosed);
    if (this.#bodyTimer) {
      request.off('data', this.#onBody);
      request.off('end', this.#onBodyEnd);
    }
    done(outcome);
  }
}

function pairs(flat: readonly string[]): [string, string][] {
  const result: [string, string][] = [];
  for (let at = 0; at < flat.length; at += 2) result.push([flat[at]!, flat[at + 1]!]);
  return result;
}
