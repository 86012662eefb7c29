// Commits groups of appends: decides them on what is known, stores them under the server's own comparison, and decides anew
// where another writer was first. A try whose answer was lost is looked up in the log before it is made again, so that a new
// leader costs time and never an event.
import { BanyanError } from '../../kernel/error.ts';
import { pause } from '../../runtime/wait.ts';
import type { GroupAnswer } from '../append-queue.ts';
import type { AppendRequest } from '../append-request.ts';
import type { AppendOutcome } from '../event-store.ts';
import { decideGroup, type GroupPlan, type PlannedPosition } from './decide-group.ts';
import { GroupHeads, KnownHeads } from './heads.ts';
import type { LogConnection } from './log-connection.ts';
import type { LogNames } from './log-names.ts';
import { logFault } from './nats-fault.ts';
import { BATCH_TOO_LARGE, type NewMessage, publish, publishId } from './publish.ts';

/** Beside the payload, a message has its headers: the longest are the subjects. */
const HEADER_BYTES = 1_024;
const TRY_AGAIN_MS = 5;
const LOOK_AGAIN_MS = 100;

type Stored = { readonly first: number } | 'moved';

export class LogWriter {
  readonly #connection: LogConnection;
  readonly #names: LogNames;
  readonly #batchMessages: number;
  readonly #known = new KnownHeads();

  constructor(connection: LogConnection, names: LogNames, batchMessages: number) {
    this.#connection = connection;
    this.#names = names;
    this.#batchMessages = batchMessages;
  }

  async commit(group: readonly AppendRequest[]): Promise<GroupAnswer> {
    try {
      return await this.#commit(group);
    } catch (error) {
      return { error: logFault(error, this.#connection.at), mayTryEachAlone: error instanceof RangeError };
    }
  }

  async #commit(group: readonly AppendRequest[]): Promise<GroupAnswer> {
    const deadline = performance.now() + this.#connection.patienceMs;
    const heads = new GroupHeads(this.#known, this.#connection, this.#names);
    await this.#readUnknown(group, heads);
    for (let tries = 1; ; tries += 1) {
      const plan = await this.#certainPlan(group, heads);
      const { messages } = plan;
      if (messages.length === 0) return { outcomes: outcomesOf(plan, 0) };
      this.#checkSize(messages);
      const stored = await this.#store(messages, deadline);
      if (stored !== 'moved') {
        this.#remember(plan, stored.first);
        return { outcomes: outcomesOf(plan, stored.first) };
      }
      if (performance.now() > deadline) throw this.#contended(tries);
      // Others write to the same streams: not in step with them.
      if (tries > 1) await pause(TRY_AGAIN_MS * Math.random() * Math.min(tries, 8));
      await this.#prove(group, heads);
    }
  }

  /** What has been declined, or only looked at, rests on the leader's word and not on memory. */
  async #certainPlan(group: readonly AppendRequest[], heads: GroupHeads): Promise<GroupPlan> {
    for (;;) {
      const plan = decideGroup(group, heads, this.#names);
      const doubtful = group.filter((_, index) =>
        plan.unchecked[index]!.some((subject) => !heads.isProven(subject)),
      );
      if (doubtful.length === 0) return plan;
      await this.#prove(doubtful, heads);
    }
  }

  /** Who expects a new stream need not ask whether it is: the server compares. */
  async #readUnknown(group: readonly AppendRequest[], heads: GroupHeads): Promise<void> {
    const unknown = new Set<string>();
    const seen = new Set<string>();
    for (const { writes } of group) {
      for (const { stream, expected } of writes) {
        if (seen.has(stream)) continue;
        seen.add(stream);
        if (expected !== 'none' && expected !== 0 && !heads.isKnown(stream)) unknown.add(stream);
      }
    }
    const reads = [heads.guessStreams([...unknown])];
    if (group.some(({ eventCount }) => eventCount === 0)) reads.push(heads.readPosition());
    await Promise.all(reads);
  }

  async #prove(requests: readonly AppendRequest[], heads: GroupHeads): Promise<void> {
    const streams = new Set(requests.flatMap(({ writes }) => writes.map(({ stream }) => stream)));
    const sources = new Set(requests.flatMap(({ options }) => options.source?.name ?? []));
    const keys = new Set(requests.flatMap(({ options }) => options.idempotencyKey ?? []));
    await Promise.all([
      ...Array.from(streams, (stream) => heads.readStream(stream)),
      ...Array.from(sources, (source) => heads.readSource(source)),
      ...Array.from(keys, (key) => heads.readKey(key)),
    ]);
  }

  async #store(messages: readonly NewMessage[], deadline: number): Promise<Stored> {
    /** Tries whose answers were lost. */
    const lost = new Set<string>();
    for (;;) {
      const id = publishId(messages);
      const answer = await publish(this.#connection, messages, id);
      if (answer.result === 'stored') return answer;
      if (answer.result === 'refused') throw this.#refusal(answer.code, answer.why, messages);
      if (answer.result === 'unknown') lost.add(id.value);
      if (answer.result === 'moved' && lost.size === 0) return 'moved';
      if (answer.result !== 'moved') {
        if (performance.now() > deadline || this.#connection.nats.isClosed()) throw answer.error;
        await pause(LOOK_AGAIN_MS * (0.5 + Math.random()));
      }
      if (lost.size === 0) continue;
      // An expectation that is not met may have been passed by a lost try of our own.
      const found = await this.#lookUp(messages, lost);
      if (found) return found;
      if (answer.result === 'moved') throw this.#contended(lost.size + 1);
    }
  }

  /**
   * What became of messages whose answer was lost. The first of them that expects a sequence of its own subject tells: what
   * follows that sequence is it, or shows that it never will be stored. Undefined while nothing follows.
   */
  async #lookUp(messages: readonly NewMessage[], lost: ReadonlySet<string>): Promise<Stored | undefined> {
    const index = messages.findIndex(({ expected }) => expected && !expected.subject);
    const witness = messages[index]!;
    const next = await this.#connection.next(witness.subject, witness.expected!.sequence + 1);
    if (!next) return undefined;
    return lost.has(next.publishId) ? { first: next.sequence - index } : 'moved';
  }

  #remember({ streams, sources }: GroupPlan, first: number): void {
    for (const [name, { version, sequence }] of streams) {
      this.#known.setStream(name, { version, sequence: first + sequence });
    }
    for (const [name, { progress, sequence }] of sources) {
      this.#known.setSource(name, { progress, sequence: first + sequence });
    }
  }

  /** Throws a RangeError on what the server would not take. */
  #checkSize(messages: readonly NewMessage[]): void {
    if (messages.length > this.#batchMessages) throw tooMany(messages.length, this.#batchMessages);
    const bytesMax = (this.#connection.nats.info?.max_payload ?? 0) - HEADER_BYTES;
    for (const { payload } of messages) {
      // No text has more than three bytes a character.
      if (payload.length * 3 > bytesMax && Buffer.byteLength(payload) > bytesMax) {
        throw new RangeError(
          `An event has ${Buffer.byteLength(payload)} bytes and the server takes ${bytesMax} (its setting max_payload)`,
        );
      }
    }
  }

  #refusal(code: number, why: string, messages: readonly NewMessage[]): Error {
    if (code === BATCH_TOO_LARGE) return tooMany(messages.length, this.#batchMessages);
    return new BanyanError('LOG_UNREACHABLE', 'The server refused an append', {
      at: this.#connection.at,
      why: `${why} (${code})`,
    });
  }

  #contended(tries: number): BanyanError {
    return new BanyanError('LOG_UNREACHABLE', 'Other writers of the same streams were first each time', {
      at: this.#connection.at,
      why: `It was tried ${tries} times.`,
    });
  }
}

function tooMany(messages: number, most: number): RangeError {
  return new RangeError(
    `An append needs ${messages} messages and the server takes ${most} at a time ` +
      '(its setting jetstream.limits.batch.max_msgs)',
  );
}

function outcomesOf({ verdicts }: GroupPlan, first: number): AppendOutcome[] {
  const outcomes: AppendOutcome[] = [];
  for (const verdict of verdicts) {
    switch (verdict.verdict) {
      case 'appended': {
        const { versions } = verdict;
        const position = absolute(verdict.position, first);
        outcomes.push({ outcome: 'appended', position, versions, isDuplicate: false });
        break;
      }
      case 'copied':
        outcomes.push({ ...outcomes[verdict.of]!, isDuplicate: true } as AppendOutcome);
        break;
      default:
        outcomes.push(verdict.outcome);
    }
  }
  return outcomes;
}

function absolute(position: PlannedPosition, first: number): number {
  return 'index' in position ? first + position.index : position.position;
}
