// The reference engine: the contract in its plainest form, for tests. Holds everything in memory and survives nothing.
import { randomUUID } from 'node:crypto';
import { BanyanError } from '../../kernel/error.ts';
import type { Position, RecordedEvent } from '../../kernel/event.ts';
import { categoryOf, type StreamName } from '../../kernel/stream.ts';
import type {
  AppendOptions,
  AppendOutcome,
  EventStore,
  LogBatch,
  LogFilter,
  LogHead,
  LogIdentity,
  ReadLogOptions,
  SourceProgress,
  StreamWrite,
  SubscribeOptions,
} from '../event-store.ts';
import { isSourceCurrent } from '../source-progress.ts';
import { isExpectationMet } from '../stream-expectation.ts';

const DEFAULT_BATCH = 1_000;

export function createMemoryEventStore(): EventStore {
  return new MemoryEventStore();
}

class MemoryEventStore implements EventStore {
  readonly identity: LogIdentity = { id: randomUUID(), recoveryEpoch: 0 };
  readonly #events: RecordedEvent[] = [];
  readonly #versions = new Map<StreamName, number>();
  readonly #progress = new Map<string, SourceProgress>();
  readonly #outcomes = new Map<string, AppendOutcome & { readonly outcome: 'appended' }>();
  readonly #closing = new AbortController();
  #changes = 0;
  #waiters: (() => void)[] = [];

  async append(
    writes: readonly StreamWrite[],
    { source, idempotencyKey }: AppendOptions = {},
  ): Promise<AppendOutcome> {
    this.#assertOpen();
    const recorded = idempotencyKey === undefined ? undefined : this.#outcomes.get(idempotencyKey);
    if (recorded) return { ...recorded, isDuplicate: true };
    if (source) {
      const stored = this.#progress.get(source.name);
      if (!isSourceCurrent(source, stored)) return { outcome: 'fenced', actual: stored };
    }
    const added: RecordedEvent[] = [];
    const versions: Record<StreamName, number> = {};
    for (const { stream, expected, events } of writes) {
      const category = categoryOf(stream);
      let version = versions[stream] ?? this.#versions.get(stream) ?? 0;
      if (!isExpectationMet(expected, version))
        return { outcome: 'conflict', stream, expected, actual: version };
      for (const event of events) {
        version += 1;
        // Through JSON, so that what is read is what any other engine would give back.
        const { id, type, time, schemaVersion, data, meta } = JSON.parse(
          JSON.stringify(event),
        ) as typeof event;
        const position = this.#events.length + added.length + 1;
        added.push({ id, type, time, schemaVersion, data, meta, stream, category, version, position });
      }
      versions[stream] = version;
    }
    this.#events.push(...added);
    for (const [stream, version] of Object.entries(versions)) this.#versions.set(stream, version);
    if (source)
      this.#progress.set(source.name, { name: source.name, lsn: source.lsn, position: source.position });
    const outcome = {
      outcome: 'appended',
      position: this.#events.length,
      versions,
      isDuplicate: false,
    } as const;
    if (idempotencyKey !== undefined) this.#outcomes.set(idempotencyKey, outcome);
    this.#changes += 1;
    for (const wake of this.#waiters.splice(0)) wake();
    return outcome;
  }

  async *readStream(
    stream: StreamName,
    options: { afterVersion?: number; batchSize?: number; signal?: AbortSignal } = {},
  ): AsyncIterable<readonly RecordedEvent[]> {
    this.#assertOpen();
    const all = this.#events.filter(
      (event) => event.stream === stream && event.version > (options.afterVersion ?? 0),
    );
    const batchSize = options.batchSize ?? DEFAULT_BATCH;
    for (let at = 0; at < all.length && !options.signal?.aborted; at += batchSize)
      yield all.slice(at, at + batchSize);
  }

  async *readLog(options: ReadLogOptions): AsyncIterable<LogBatch> {
    this.#assertOpen();
    const end = Math.min(options.upTo ?? this.#events.length, this.#events.length);
    let after = options.after;
    do {
      const batch = this.#page(after, end, options.batchSize ?? DEFAULT_BATCH, options);
      yield batch;
      after = batch.upTo;
    } while (after < end && !options.signal?.aborted);
  }

  async *subscribe(options: SubscribeOptions): AsyncIterable<LogBatch> {
    const signal = options.signal
      ? AbortSignal.any([options.signal, this.#closing.signal])
      : this.#closing.signal;
    let { after } = options;
    let seen = -1;
    while (!signal.aborted) {
      const changes = this.#changes;
      const batch = this.#page(after, this.#events.length, options.batchSize ?? DEFAULT_BATCH, options);
      if (batch.upTo > after || changes !== seen) yield batch;
      after = batch.upTo;
      if (batch.upTo < batch.head) continue;
      seen = changes;
      await this.#changedSince(changes, signal);
    }
  }

  async head(): Promise<LogHead> {
    this.#assertOpen();
    return { position: this.#events.length, progress: [...this.#progress.values()] };
  }

  async sourceProgress(name: string): Promise<SourceProgress | undefined> {
    this.#assertOpen();
    return this.#progress.get(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
  }

  #page(after: Position, end: Position, limit: number, { categories, types }: LogFilter): LogBatch {
    const events: RecordedEvent[] = [];
    let upTo = Math.max(after, end);
    for (let position = after + 1; position <= end; position += 1) {
      const event = this.#events[position - 1]!;
      if (categories && !categories.includes(event.category)) continue;
      if (types && !types.includes(event.type)) continue;
      events.push(event);
      if (events.length === limit) {
        upTo = position;
        break;
      }
    }
    const head = this.#events.length;
    const frontier =
      upTo >= head
        ? Object.fromEntries([...this.#progress.values()].map(({ name, lsn }) => [name, lsn]))
        : {};
    return { events, upTo, head, frontier };
  }

  #changedSince(changes: number, signal: AbortSignal): Promise<void> {
    if (this.#changes !== changes || signal.aborted) return Promise.resolve();
    return new Promise((done) => {
      this.#waiters.push(done);
      signal.addEventListener('abort', () => done(), { once: true });
    });
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted)
      throw new BanyanError('LOG_UNREACHABLE', 'The log was closed by this process');
  }
}
