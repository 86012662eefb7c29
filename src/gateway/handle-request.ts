// One request from its head to the end of its answer: decide, forward, fall back, remember. It keeps the route table that
// it began with, whatever is promoted meanwhile.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { HEADER } from '../control/role-status.ts';
import type { Log } from '../runtime/log.ts';
import { decideRoute, type RouteDecision } from './decide-route.ts';
import { AnswerCopy } from './http/answer-copy.ts';
import { type ForwardOutcome, type ForwardPlan, forward } from './http/forward.ts';
import { rawProblem, sendProblem } from './http/problem.ts';
import { type HeadOptions, type RequestHead, readRequestHead, renderHead } from './http/request-head.ts';
import { openTunnel } from './http/tunnel.ts';
import type { Upstream } from './http/upstream.ts';
import type { UpstreamFault } from './http/upstream-connection.ts';
import type { GatewayLimits } from './limits.ts';
import type { RouteTable } from './route-table.ts';
import { DATE_VALIDATORS, judgeAnswer, type ServiceSide } from './service-side.ts';
import type { ReadYourWrites } from './session/read-your-writes.ts';
import {
  cookieLine,
  identifySession,
  SESSION_COOKIE,
  type Session,
  TOKEN_COOKIE,
} from './session/session.ts';
import type { PathTest } from './shadow/json-path.ts';
import type { ShadowComparison } from './shadow/shadow.ts';
import type { TrafficFigures } from './traffic-figures.ts';

export interface GatewayParts {
  readonly table: () => RouteTable;
  readonly monolith: Upstream;
  readonly services: ReadonlyMap<string, ServiceSide>;
  readonly readYourWrites: ReadYourWrites;
  readonly shadow: ShadowComparison;
  readonly shadowSampleRate: number;
  /** By route pattern. */
  readonly ignored: ReadonlyMap<string, readonly PathTest[]>;
  readonly figures: TrafficFigures;
  readonly limits: GatewayLimits;
  readonly headOptions: HeadOptions;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly isDraining: () => boolean;
}

type Forwarded = Extract<RouteDecision, { outcome: 'forward' }>;
type Side = 'monolith' | 'service';

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const SESSION_SECONDS = 31_536_000;
const TOKEN_SECONDS = 86_400;

const FAULT_STATUS: Readonly<Record<UpstreamFault['kind'], readonly [number, string]>> = {
  connect: [502, 'The application cannot be reached.'],
  'connect-timeout': [504, 'The application cannot be reached in time.'],
  busy: [503, 'Too many requests are under way.'],
  timeout: [504, 'The application did not answer in time.'],
  reset: [502, 'The application broke off before it answered.'],
  malformed: [502, 'The application gave an answer that cannot be passed on.'],
};

export function handleRequest(
  parts: GatewayParts,
  request: IncomingMessage,
  response: ServerResponse,
  isExpecting: boolean,
): void {
  const { figures, limits } = parts;
  const begunAt = performance.now();
  figures.requests += 1;
  figures.inFlight += 1;
  response.once('close', () => {
    figures.inFlight -= 1;
    figures.observe((performance.now() - begunAt) / 1_000);
  });
  const placed = place(parts, request);
  if (placed.outcome === 'refused') {
    const { status, detail, requestId } = placed;
    sendProblem(response, { status, detail, requestId, lingerMs: limits.lingerMs });
    return;
  }
  new Conversation(parts, request, response, isExpecting, placed).start();
}

/** WebSocket: the same decision, then a tunnel. */
export function handleUpgrade(
  parts: GatewayParts,
  request: IncomingMessage,
  client: Socket,
  rest: Buffer,
): void {
  const { figures, limits, services, monolith } = parts;
  figures.requests += 1;
  const placed = place(parts, request);
  if (placed.outcome === 'refused') {
    client.end(rawProblem(placed));
    return;
  }
  const { head, decision } = placed;
  const service = decision.side === 'service' ? services.get(decision.claim?.domain ?? '') : undefined;
  const open = (upstream: Upstream, side: Side, onFault: (fault: UpstreamFault) => void): void => {
    figures.inFlight += 1;
    const answerHeaders = [HEADER.side, side];
    openTunnel({ request, client, rest, head, upstream, limits, answerHeaders }, (fault) => {
      figures.inFlight -= 1;
      if (fault) onFault(fault);
    });
  };
  const refuse = ({ kind }: UpstreamFault): void => {
    const [status, detail] = FAULT_STATUS[kind];
    client.end(rawProblem({ status, detail, requestId: head.requestId }));
  };
  if (service) open(service.upstream, 'service', () => open(monolith, 'monolith', refuse));
  else open(monolith, 'monolith', refuse);
}

type Placed =
  | {
      readonly outcome: 'refused';
      readonly status: number;
      readonly detail: string;
      readonly requestId: string;
    }
  | {
      readonly outcome: 'placed';
      readonly head: RequestHead;
      readonly session: Session;
      readonly decision: Forwarded;
      readonly isUnsettled: boolean;
      readonly epoch: number;
    };

function place(parts: GatewayParts, request: IncomingMessage): Placed {
  const head = readRequestHead(request, parts.headOptions);
  if ('why' in head) {
    return { outcome: 'refused', status: head.status, detail: head.why, requestId: head.requestId };
  }
  const table = parts.table();
  const session = identifySession(head);
  const freshness = parts.readYourWrites.freshness(session);
  const decision = decideRoute(
    {
      method: head.method,
      target: head.target,
      hasBody: head.hasBody,
      sessionKey: session.key,
      freshness,
      draw: Math.random(),
      shadowSampleRate: parts.shadowSampleRate,
    },
    table,
  );
  if (decision.outcome === 'refuse') {
    return { outcome: 'refused', status: 400, detail: decision.why, requestId: head.requestId };
  }
  const epoch = Math.max(0, ...Object.values(table.routes).map((route) => route.epoch));
  return { outcome: 'placed', head, session, decision, isUnsettled: freshness === 'infinite', epoch };
}

class Conversation {
  readonly #parts: GatewayParts;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #isExpecting: boolean;
  readonly #placed: Extract<Placed, { outcome: 'placed' }>;
  #token: string | undefined;

  constructor(
    parts: GatewayParts,
    request: IncomingMessage,
    response: ServerResponse,
    isExpecting: boolean,
    placed: Extract<Placed, { outcome: 'placed' }>,
  ) {
    this.#parts = parts;
    this.#request = request;
    this.#response = response;
    this.#isExpecting = isExpecting;
    this.#placed = placed;
  }

  start(): void {
    const { decision, isUnsettled, session, epoch } = this.#placed;
    const { claim } = decision;
    if (claim?.kind === 'command') this.#parts.figures.count(claim.domain, 'commands');
    if (decision.side === 'service') {
      this.#askService();
      return;
    }
    if (decision.placedOn === 'service') {
      // Everything this session was answered lies before a position sampled from here on, so its token can be settled.
      if (isUnsettled)
        void this.#parts.readYourWrites.renew(session, epoch).then((token) => (this.#token = token));
      this.#fallBack('fallbackBehind');
    } else {
      this.#askMonolith();
    }
  }

  #askService(): void {
    const { decision, head } = this.#placed;
    const { services, limits, signal } = this.#parts;
    const service = services.get(decision.claim!.domain);
    if (!service || service.breaker.isOpen) {
      service?.probe(head, signal);
      this.#fallBack('fallbackFailed');
      return;
    }
    const { breaker, upstream } = service;
    const text = service.text(head, decision.minPosition);
    const answerMs = limits.freshnessWaitMs + limits.serviceAnswerMs;
    const accept: ForwardPlan['accept'] = (answer) => judgeAnswer(answer) === 'answer';
    this.#forward('service', upstream, text, answerMs, { accept }, (result) => {
      if (result.outcome === 'answered') {
        breaker.succeeded();
        this.#count('readsByService');
      } else if (result.outcome === 'refused') {
        const isBehind = judgeAnswer(result.head) === 'behind';
        if (isBehind) breaker.succeeded();
        else breaker.failed();
        this.#fallBack(isBehind ? 'fallbackBehind' : 'fallbackFailed');
      } else if (result.outcome === 'fault') {
        breaker.failed();
        this.#parts.log.debug({ domain: decision.claim!.domain, kind: result.fault.kind }, 'service failed');
        this.#fallBack('fallbackFailed');
      } else if (result.outcome === 'broken') {
        breaker.failed();
        this.#count('failed');
      }
    });
  }

  #fallBack(why: 'fallbackBehind' | 'fallbackFailed'): void {
    this.#count(why);
    this.#askMonolith();
  }

  #askMonolith(): void {
    const { decision, head, session, epoch } = this.#placed;
    const { monolith, limits, shadow, readYourWrites } = this.#parts;
    const { claim } = decision;
    const isQuery = claim?.kind === 'query';
    const isWrite = !SAFE.has(head.method);
    const copy = decision.shadow ? new AnswerCopy(limits.shadowBytes) : undefined;
    const without = decision.placedOn === 'service' ? DATE_VALIDATORS : undefined;
    const text = renderHead(head, this.#isExpecting ? ['expect', '100-continue'] : [], without);
    const beforeAnswer = async (): Promise<void> => {
      this.#token = await readYourWrites.issue(session, epoch);
    };
    const options = { copy, ...(isWrite && { beforeAnswer }) };
    this.#forward('monolith', monolith, text, limits.answerMs, options, (result) => {
      if (result.outcome === 'answered') {
        if (isQuery) this.#count('readsByMonolith');
        if (result.head.status >= 500) this.#count('failed');
        if (copy && shadow.isComparable(result.head.status, result.head.headers))
          this.#compare(copy, result.head);
        return;
      }
      // It may have been carried out all the same, so the session's reads have to wait for it.
      const isKnown = isWrite ? beforeAnswer() : Promise.resolve();
      if (result.outcome === 'aborted') return;
      this.#count('failed');
      if (result.outcome !== 'broken') void isKnown.then(() => this.#sendFault(result));
    });
  }

  #compare(copy: AnswerCopy, answer: { readonly status: number; readonly headers: readonly string[] }): void {
    const { head, decision } = this.#placed;
    const { shadow, services, monolith, ignored } = this.#parts;
    const { domain, pattern } = decision.claim!;
    const service = services.get(domain);
    if (!service) return;
    shadow.compare({
      domain,
      pattern,
      ignored: ignored.get(pattern) ?? [],
      head,
      answer: copy.finish(answer.status, answer.headers),
      service,
      monolith,
    });
  }

  #forward(
    side: Side,
    upstream: Upstream,
    text: string,
    answerMs: number,
    options: Pick<ForwardPlan, 'accept' | 'beforeAnswer' | 'copy'>,
    done: (outcome: ForwardOutcome) => void,
  ): void {
    const { limits, isDraining } = this.#parts;
    forward(
      {
        ...options,
        request: this.#request,
        response: this.#response,
        head: this.#placed.head,
        upstream,
        text,
        answerMs,
        limits,
        isExpecting: this.#isExpecting,
        answerHeaders: () => this.#ownHeaders(side),
        isLast: isDraining,
      },
      done,
    );
  }

  #ownHeaders(side: Side | undefined): string[] {
    const { decision, session, head } = this.#placed;
    const headers: string[] = side ? [HEADER.side, side] : [];
    if (session.newCookie !== undefined && (decision.claim || this.#token !== undefined)) {
      const line = cookieLine(SESSION_COOKIE, session.newCookie, head.isSecure, SESSION_SECONDS);
      headers.push('set-cookie', line);
    }
    if (this.#token !== undefined) {
      headers.push(HEADER.token, this.#token);
      headers.push('set-cookie', cookieLine(TOKEN_COOKIE, this.#token, head.isSecure, TOKEN_SECONDS));
    }
    return headers;
  }

  #sendFault(
    result: Extract<ForwardOutcome, { outcome: 'fault' | 'too-large' | 'body-timeout' | 'refused' }>,
  ): void {
    const { log, limits, isDraining } = this.#parts;
    const { requestId, hasBody } = this.#placed.head;
    const response = this.#response;
    if (response.destroyed || response.headersSent) return;
    let status = 413;
    let detail = 'The body is too large.';
    if (result.outcome === 'body-timeout') [status, detail] = [408, 'The body did not come in time.'];
    if (result.outcome === 'fault') {
      [status, detail] = FAULT_STATUS[result.fault.kind];
      log.warn(
        { requestId, kind: result.fault.kind, detail: result.fault.detail },
        'monolith did not answer',
      );
    }
    const isFinal = (hasBody && !this.#request.complete) || isDraining();
    const headers = this.#ownHeaders(undefined);
    if (status === 503) headers.push('retry-after', '1');
    sendProblem(response, {
      status,
      detail,
      requestId,
      headers,
      ...(isFinal && { lingerMs: limits.lingerMs }),
    });
  }

  #count(what: 'readsByMonolith' | 'readsByService' | 'fallbackBehind' | 'fallbackFailed' | 'failed'): void {
    const { claim } = this.#placed.decision;
    if (claim) this.#parts.figures.count(claim.domain, what);
  }
}
