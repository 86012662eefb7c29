// Shadow comparison that does not cry wolf. The monolith has answered its client; now, off the client's path, the service
// is asked the same at a position that lies behind that answer. Only when they differ is the monolith asked again: what
// changed between its own answers is noise, what it says later and the service said already was raced. A difference is only
// believed when the monolith went on saying the same, before and after the service did.
import type { ShadowFigures, ShadowSample } from '../../control/role-status.ts';
import { HEADER } from '../../control/role-status.ts';
import { formatLsn, type Lsn } from '../../kernel/lsn.ts';
import { pause } from '../../runtime/wait.ts';
import type { CapturedAnswer } from '../http/answer-copy.ts';
import { ask } from '../http/ask.ts';
import { decodeJson, isJson } from '../http/decode-body.ts';
import { type RequestHead, renderHead } from '../http/request-head.ts';
import type { Upstream } from '../http/upstream.ts';
import type { GatewayLimits } from '../limits.ts';
import { judgeAnswer, type ServiceSide } from '../service-side.ts';
import type { PositionSampler } from '../session/sample-position.ts';
import { compareJson, type Difference, type ExactJson } from './compare-response.ts';
import type { JsonPath, PathTest } from './json-path.ts';
import { ShadowTally } from './shadow-tally.ts';

export interface ShadowTask {
  readonly domain: string;
  readonly pattern: string;
  readonly ignored: readonly PathTest[];
  /** The client's request, with the credentials that the read needs. */
  readonly head: RequestHead;
  /** What the monolith answered; undefined when it was too large to keep. */
  readonly answer: CapturedAnswer | undefined;
  readonly service: ServiceSide;
  readonly monolith: Upstream;
}

type Verdict =
  | { readonly verdict: 'match' | 'lag' | 'raced' | 'noise' | 'dropped' | 'failed' }
  | { readonly verdict: 'differs'; readonly differences: readonly Difference[] };

interface Compared {
  readonly status: number;
  /** Null for an answer that is not JSON. */
  readonly body: ExactJson;
}

/** Before each further question to the monolith: a difference that is none has gone by the last. */
const SETTLING_MS = [0, 20, 100, 500];

/** Each side is asked for the whole answer in plain: a validator or a range is one side's own. */
const NOT_SHADOWED: ReadonlySet<string> = new Set([
  'accept-encoding',
  'if-match',
  'if-none-match',
  'if-modified-since',
  'if-unmodified-since',
  'if-range',
  'range',
]);

export class ShadowComparison {
  readonly #limits: GatewayLimits;
  readonly #sampler: PositionSampler;
  readonly #sourceName: string;
  readonly #signal: AbortSignal;
  readonly #tallies = new Map<string, ShadowTally>();
  readonly #running = new Set<Promise<void>>();

  constructor(options: {
    readonly limits: GatewayLimits;
    readonly sampler: PositionSampler;
    readonly sourceName: string;
    readonly signal: AbortSignal;
  }) {
    this.#limits = options.limits;
    this.#sampler = options.sampler;
    this.#sourceName = options.sourceName;
    this.#signal = options.signal;
  }

  /** Only what both sides can be asked for again and that has fields to compare. */
  isComparable(status: number, headers: readonly string[]): boolean {
    return ((status >= 200 && status < 300 && status !== 206) || status === 404) && isJson(headers);
  }

  /** Returns at once. Dropped, and counted so, when enough comparisons are under way. */
  compare(task: ShadowTask): void {
    const tally = this.#tally(task.domain);
    if (!task.answer || this.#running.size >= this.#limits.shadowConcurrency || this.#signal.aborted) {
      tally.count('dropped');
      return;
    }
    const run = this.#classify(task, task.answer)
      .then((result) => {
        tally.count(result.verdict);
        if (result.verdict === 'differs') tally.keep(task.pattern, task.head.target, result.differences);
      })
      .catch(() => tally.count('failed'))
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  figures(domain: string): ShadowFigures {
    return this.#tally(domain).figures();
  }

  samples(domain: string): readonly ShadowSample[] {
    return this.#tally(domain).samples();
  }

  /** Resolves when no comparison is under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }

  async #classify(task: ShadowTask, answer: CapturedAnswer): Promise<Verdict> {
    const first = await this.#readable(answer);
    if (first === undefined) return { verdict: 'dropped' };
    const atFirst = await this.#askService(task, (await this.#sampler.sample()).lsn);
    if (typeof atFirst === 'string') return { verdict: atFirst };
    if (compareAnswers(first, atFirst, task.ignored).length === 0) return { verdict: 'match' };

    const second = await this.#askMonolith(task);
    if (second === undefined) return { verdict: 'failed' };
    const later = await this.#askService(task, (await this.#sampler.sample()).lsn);
    if (typeof later === 'string') return { verdict: later };
    const left = compareAnswers(second, later, task.ignored);
    if (left.length === 0) return { verdict: 'raced' };
    const unstable = compareAnswers(first, second, task.ignored).map(({ path }) => path);
    if (differing(left, unstable).length === 0) return { verdict: 'noise' };

    // The service may have read what the monolith shows only later: a write that came after its second answer, or a commit
    // that is in the log already and not yet visible to the monolith's own readers. Some later answer of it shows that.
    let differences = left;
    for (const pauseMs of SETTLING_MS) {
      await pause(pauseMs, this.#signal);
      const next = await this.#askMonolith(task);
      if (next === undefined) return { verdict: 'failed' };
      if (compareAnswers(next, later, task.ignored).length === 0) return { verdict: 'raced' };
      unstable.push(...compareAnswers(second, next, task.ignored).map(({ path }) => path));
      differences = differing(left, unstable);
      if (differences.length === 0) return { verdict: 'noise' };
    }
    return { verdict: 'differs', differences };
  }

  async #askService(task: ShadowTask, least: Lsn): Promise<Compared | 'lag' | 'failed'> {
    const { shadowWaitMs, serviceAnswerMs } = this.#limits;
    const extra = [
      HEADER.minPosition,
      `${this.#sourceName}@${formatLsn(least)}`,
      HEADER.waitMs,
      String(shadowWaitMs),
    ];
    const answer = await this.#ask(task, task.service.upstream, shadowWaitMs + serviceAnswerMs, extra);
    const judged = answer ? judgeAnswer(answer) : 'failed';
    if (!answer || judged === 'failed') return 'failed';
    // A circuit that opened when the service was down is closed by the time its domain is promoted.
    task.service.breaker.succeeded();
    if (judged === 'behind') return 'lag';
    return (await this.#readable(answer)) ?? 'failed';
  }

  async #askMonolith(task: ShadowTask): Promise<Compared | undefined> {
    const answer = await this.#ask(task, task.monolith, this.#limits.answerMs, []);
    return answer && answer.status < 500 ? this.#readable(answer) : undefined;
  }

  #ask(task: ShadowTask, upstream: Upstream, answerMs: number, extra: readonly string[]) {
    const head = renderHead(task.head, ['accept-encoding', 'identity', ...extra], NOT_SHADOWED);
    const { shadowBytes } = this.#limits;
    return ask(upstream, { method: 'GET', head, answerMs, maxBytes: shadowBytes, signal: this.#signal });
  }

  async #readable(answer: CapturedAnswer): Promise<Compared | undefined> {
    const body = await decodeJson(answer, this.#limits.shadowBytes);
    // JSON that cannot be read is not compared; an answer of another kind than JSON differs as a whole.
    if (body === undefined && isJson(answer.headers)) return undefined;
    return { status: answer.status, body: body ?? null };
  }

  #tally(domain: string): ShadowTally {
    const known = this.#tallies.get(domain);
    if (known) return known;
    const tally = new ShadowTally();
    this.#tallies.set(domain, tally);
    return tally;
  }
}

function compareAnswers(a: Compared, b: Compared, ignored: readonly PathTest[]): readonly Difference[] {
  if (a.status === b.status) return compareJson(a.body, b.body, ignored);
  return [{ path: ['(status)'], left: String(a.status), right: String(b.status) }];
}

/** The differences that do not lie at, above or below a place that changes by itself. */
function differing(differences: readonly Difference[], unstable: readonly JsonPath[]): readonly Difference[] {
  return differences.filter(
    ({ path }) => !unstable.some((place) => isWithin(path, place) || isWithin(place, path)),
  );
}

function isWithin(path: JsonPath, place: JsonPath): boolean {
  return place.length <= path.length && place.every((step, at) => step === path[at]);
}
