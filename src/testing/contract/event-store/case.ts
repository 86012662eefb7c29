// What a case of the contract is, and the few words that cases are written in.
import assert from 'node:assert/strict';
import type {
  AppendOutcome,
  EventStore,
  LogBatch,
  ReadLogOptions,
  StreamWrite,
  SubscribeOptions,
} from '../../../event-store/event-store.ts';
import { errorCode } from '../../../kernel/error.ts';
import type { NewEvent, RecordedEvent } from '../../../kernel/event.ts';
import type { ExpectedVersion } from '../../../kernel/stream.ts';
import { uuidv7 } from '../../../kernel/uuid.ts';
import { waitUntil } from '../../../runtime/wait.ts';

/** persistent: a log closed can be opened again. multiProcess: several handles are open on one log at a time. */
export type Capability = 'persistent' | 'multiProcess';

export interface LogUnderTest extends AsyncDisposable {
  /** A handle on this log. Called again only of an engine that is `persistent` or `multiProcess`. */
  open(): Promise<EventStore>;
}

export interface EventStoreCase {
  /** What is claimed. */
  readonly name: string;
  readonly needs?: Capability;
  readonly run: (log: LogUnderTest) => Promise<void>;
}

/** Long past anything but a hang. */
const DEADLINE_MS = 20_000;

export function newEvent(type = 'Written', data: unknown = {}): NewEvent {
  return {
    id: uuidv7(),
    type,
    time: '2026-11-24T08:00:00.000Z',
    schemaVersion: 1,
    data,
    meta: { origin: 'command' },
  };
}

export function write(
  stream: string,
  expected: ExpectedVersion = 'any',
  events: readonly NewEvent[] = [newEvent()],
): StreamWrite {
  return { stream, expected, events };
}

type Appended = Extract<AppendOutcome, { outcome: 'appended' }>;

export async function appended(outcome: Promise<AppendOutcome>): Promise<Appended> {
  const answer = await outcome;
  if (answer.outcome !== 'appended') assert.fail(`not appended but ${answer.outcome}`);
  return answer;
}

export async function batchesOf(
  store: EventStore,
  options: Partial<ReadLogOptions> = {},
): Promise<LogBatch[]> {
  const batches: LogBatch[] = [];
  for await (const batch of store.readLog({ after: 0, ...options })) batches.push(batch);
  return batches;
}

export async function eventsOf(
  store: EventStore,
  options: Partial<ReadLogOptions> = {},
): Promise<RecordedEvent[]> {
  return (await batchesOf(store, options)).flatMap(({ events }) => events);
}

export async function streamOf(
  store: EventStore,
  stream: string,
  options: Parameters<EventStore['readStream']>[1] = {},
): Promise<RecordedEvent[]> {
  const all: RecordedEvent[] = [];
  for await (const events of store.readStream(stream, options)) all.push(...events);
  return all;
}

export const idsOf = (events: readonly { readonly id: string }[]): string[] => events.map(({ id }) => id);

export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

export function rejectsAsClosed(work: () => Promise<unknown>): Promise<void> {
  return assert.rejects(work, (error) => errorCode(error) === 'LOG_UNREACHABLE');
}

export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const isMet = await waitUntil(condition, { timeoutMs: DEADLINE_MS, everyMs: 2 });
  assert.ok(isMet, `never happened: ${what}`);
}

/** A subscription that runs beside the case and keeps what it was given. */
export class Follower implements AsyncDisposable {
  readonly batches: LogBatch[] = [];
  readonly #abort = new AbortController();
  readonly #ended: Promise<void>;

  constructor(store: EventStore, options: Partial<Omit<SubscribeOptions, 'signal'>> = {}) {
    this.#ended = this.#follow(store, { after: 0, ...options, signal: this.#abort.signal });
    // Awaited on disposal; until then a failure is kept, not lost to the process.
    this.#ended.catch(() => undefined);
  }

  get events(): RecordedEvent[] {
    return this.batches.flatMap(({ events }) => events);
  }

  get last(): LogBatch | undefined {
    return this.batches.at(-1);
  }

  async hasReached(position: number): Promise<void> {
    await until(`the subscription reaches ${position}`, () => (this.last?.upTo ?? -1) >= position);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#ended;
  }

  async #follow(store: EventStore, options: SubscribeOptions): Promise<void> {
    for await (const batch of store.subscribe(options)) this.batches.push(batch);
  }
}
