// Reads the log's state from the stream's leader, and pages of events below it from any replica. What lies at or before the
// head never changes; an append that is being stored while the head is asked for is waited for, so that it is seen whole.
import { setImmediate as turn } from 'node:timers/promises';
import type { Position, RecordedEvent } from '../../kernel/event.ts';
import type { StreamName } from '../../kernel/stream.ts';
import type { LogHead, SourceProgress } from '../event-store.ts';
import { type LogPage, type PageRequest, SCAN_POSITIONS } from '../log-batches.ts';
import { DirectReader, type Run } from './direct-read.ts';
import type { LogConnection } from './log-connection.ts';
import { decodeEvent, decodeProgress, type StoredProgress } from './log-message.ts';
import type { LogNames } from './log-names.ts';
import { Interrupted } from './nats-fault.ts';
import { StreamPlaces } from './stream-places.ts';

/** While it catches up, a reader need not know each moment's head. */
const STATE_AGE_MS = 50;
const SCAN_RUN = 1_000;

export interface LogState {
  /** Of the stream's last message, whatever it holds: changes whenever anything does. */
  readonly lastSequence: number;
  readonly head: Position;
  readonly progress: readonly StoredProgress[];
  readonly readAt: number;
}

export class LogReader {
  readonly #connection: LogConnection;
  readonly #names: LogNames;
  readonly #direct: DirectReader;
  readonly #places = new StreamPlaces();
  /** By subject, with how many messages it had. */
  readonly #progress = new Map<string, { readonly count: number; readonly stored: StoredProgress }>();
  #state: LogState = { lastSequence: 0, head: 0, progress: [], readAt: Number.NEGATIVE_INFINITY };
  #head = 0;

  constructor(connection: LogConnection, names: LogNames) {
    this.#connection = connection;
    this.#names = names;
    this.#direct = new DirectReader(connection, names.name);
  }

  /** The log reaches at least so far: a leader that does not know it yet is asked again. */
  hasReached(position: Position): void {
    this.#head = Math.max(this.#head, position);
  }

  async state(): Promise<LogState> {
    const { state } = await this.#connection.info(this.#names.allProgress);
    const { last_seq: lastSequence, subjects = {} } = state;
    if (lastSequence === this.#state.lastSequence && this.#state.head >= this.#head) {
      this.#state = { ...this.#state, readAt: performance.now() };
      return this.#state;
    }
    const [head, progress] = await Promise.all([
      this.#readHead(),
      Promise.all(Object.entries(subjects).map(([subject, count]) => this.#readProgress(subject, count))),
    ]);
    this.hasReached(head);
    this.#state = { lastSequence, head, progress, readAt: performance.now() };
    return this.#state;
  }

  async head(): Promise<LogHead> {
    const { head, progress } = await this.state();
    return { position: head, progress: progress.map((stored) => stored.progress) };
  }

  async sourceProgress(name: string): Promise<SourceProgress | undefined> {
    const last = await this.#connection.last(this.#names.progress(name));
    return last && decodeProgress(last, this.#connection.at).progress;
  }

  async page(request: PageRequest): Promise<LogPage> {
    const { head, progress } = await this.#stateFor(request);
    const { after, types } = request;
    const end = Math.min(request.upTo, head, types ? after + SCAN_POSITIONS : head);
    const { events, upTo } = await this.#events(request, end);
    return {
      events,
      upTo,
      head,
      progress: progress.map((stored) => stored.progress),
      progressAt: Math.max(0, ...progress.map(({ trueAt }) => trueAt)),
    };
  }

  async streamVersion(stream: StreamName): Promise<number> {
    const last = await this.#connection.last(this.#names.stream(stream));
    if (!last) return 0;
    const { event, appendEnd } = decodeEvent(last, this.#connection.at);
    if (appendEnd > this.#head) this.hasReached(await this.#readHead(appendEnd));
    this.#places.set(stream, event);
    return event.version;
  }

  async streamPage(
    stream: StreamName,
    after: number,
    upTo: number,
    limit: number,
  ): Promise<readonly RecordedEvent[]> {
    const { version, position } = this.#places.before(stream, after);
    const end = this.#places.at(stream, upTo) ?? this.#head;
    const skipped = after - version;
    const { messages } = await this.#direct.run(this.#names.stream(stream), position, end, limit + skipped);
    const events = messages
      .map((message) => decodeEvent(message, this.#connection.at).event)
      .filter((event) => event.version > after && event.version <= upTo);
    const last = events.at(-1);
    if (last) this.#places.set(stream, last);
    return events;
  }

  #stateFor({ after, limit, isCurrent }: PageRequest): LogState | Promise<LogState> {
    const isFresh = performance.now() - this.#state.readAt < STATE_AGE_MS;
    return !isCurrent && isFresh && after + limit <= this.#state.head ? this.#state : this.state();
  }

  async #events(
    { after, limit, categories, types }: PageRequest,
    end: Position,
  ): Promise<{ readonly events: readonly RecordedEvent[]; readonly upTo: Position }> {
    const events: RecordedEvent[] = [];
    let upTo = Math.max(after, end);
    if (categories?.length === 0 || types?.length === 0) return { events, upTo };
    const subjects = categories
      ? [...new Set(categories)].map((category) => this.#names.category(category))
      : [this.#names.allEvents];
    upTo = after;
    while (upTo < end && events.length < limit) {
      const run = await this.#merged(subjects, upTo, end, types ? SCAN_RUN : limit);
      upTo = run.upTo;
      for (const message of run.messages) {
        const { event } = decodeEvent(message, this.#connection.at);
        if (types && !types.includes(event.type)) continue;
        events.push(event);
        if (events.length === limit) return { events, upTo: event.position };
      }
    }
    return { events, upTo };
  }

  /** Several subjects are read side by side: together they are known as far as the one that was read least far. */
  async #merged(subjects: readonly string[], after: Position, end: Position, limit: number): Promise<Run> {
    const runs = await Promise.all(subjects.map((subject) => this.#direct.run(subject, after, end, limit)));
    if (runs.length === 1) return runs[0]!;
    const upTo = Math.min(...runs.map((run) => run.upTo));
    const messages = runs
      .flatMap((run) => run.messages)
      .filter(({ sequence }) => sequence <= upTo)
      .sort((a, b) => a.sequence - b.sequence);
    return { messages, upTo };
  }

  /** The last event's position, once its append is there whole and the log is as far as it is known to be. */
  #readHead(atLeast: Position = this.#head): Promise<Position> {
    return this.#connection.patiently(async () => {
      for (let looks = 0; looks < 1_000; looks += 1) {
        const last = await this.#connection.last(this.#names.allEvents);
        const head = last?.sequence ?? 0;
        const appendEnd = last ? decodeEvent(last, this.#connection.at).appendEnd : 0;
        if (head >= Math.max(atLeast, appendEnd)) return head;
        await turn();
      }
      throw new Interrupted('the leader does not have the whole log yet');
    });
  }

  /** No message of the stream is ever removed before its time: as many as before are the same. */
  async #readProgress(subject: string, count: number): Promise<StoredProgress> {
    const known = this.#progress.get(subject);
    if (known?.count === count) return known.stored;
    const last = await this.#connection.last(subject);
    const stored = decodeProgress(last!, this.#connection.at);
    this.#progress.set(subject, { count, stored });
    return stored;
  }
}
