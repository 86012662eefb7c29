// One domain's service as the gateway sees it: its connections, and whether it is worth asking at the moment.
import { HEADER } from '../control/role-status.ts';
import { formatLsn, type Lsn } from '../kernel/lsn.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { headerOf } from './http/answer-head.ts';
import type { AnswerHead } from './http/answer-parser.ts';
import { ask } from './http/ask.ts';
import { type RequestHead, renderHead } from './http/request-head.ts';
import { Upstream } from './http/upstream.ts';
import type { GatewayLimits } from './limits.ts';

/** A date says nothing about which side's answer it belongs to. */
export const DATE_VALIDATORS: ReadonlySet<string> = new Set(['if-modified-since', 'if-unmodified-since']);

export class ServiceSide {
  readonly upstream: Upstream;
  readonly breaker: CircuitBreaker;
  readonly #limits: GatewayLimits;
  readonly #sourceName: string;

  constructor(url: string, limits: GatewayLimits, sourceName: string) {
    this.upstream = new Upstream(url, limits);
    this.breaker = new CircuitBreaker(limits.breakerFailures, limits.breakerOpenMs);
    this.#limits = limits;
    this.#sourceName = sourceName;
  }

  /** A query for it, with the position that its answer has to be read at. */
  text(head: RequestHead, minPosition: Lsn | undefined): string {
    if (minPosition === undefined) return renderHead(head, [], DATE_VALIDATORS);
    const least = `${this.#sourceName}@${formatLsn(minPosition)}`;
    const waitMs = String(this.#limits.freshnessWaitMs);
    return renderHead(head, [HEADER.minPosition, least, HEADER.waitMs, waitMs], DATE_VALIDATORS);
  }

  /** Sends the same query off the client's path, when the circuit is open and it is time to try. */
  probe(head: RequestHead, signal: AbortSignal): void {
    if (!this.breaker.takeProbe()) return;
    const { serviceAnswerMs, shadowBytes } = this.#limits;
    const request = { method: head.method, head: this.text(head, undefined), answerMs: serviceAnswerMs };
    void ask(this.upstream, { ...request, maxBytes: shadowBytes, signal }).then((answer) => {
      if (answer && judgeAnswer(answer) !== 'failed') this.breaker.succeeded();
      else this.breaker.failed();
    });
  }
}

/** What a service's answer means: an answer, `behind` when its store has not come far enough, or a failure. */
export function judgeAnswer(head: Pick<AnswerHead, 'status' | 'headers'>): 'answer' | 'behind' | 'failed' {
  const isRefusal = head.status === 425 || head.status === 503;
  if (isRefusal && headerOf(head.headers, HEADER.refused) !== undefined) return 'behind';
  return head.status >= 500 ? 'failed' : 'answer';
}
