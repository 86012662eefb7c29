// The reference engine: a log in one process's memory. It keeps JSON text, as the others do, so that no reader can
// change what another one gets.
import { randomUUID } from 'node:crypto';
import { BanyanError } from '../../kernel/error.ts';
import type { RecordedEvent } from '../../kernel/event.ts';
import type { StreamName } from '../../kernel/stream.ts';
import { appendRequest, type EventRow } from '../append-request.ts';
import { ChangeSignal } from '../change-signal.ts';
import { checkBatchSize, checkPosition } from '../check-input.ts';
import type {
  AppendOptions,
  AppendOutcome,
  EventStore,
  LogBatch,
  LogHead,
  LogIdentity,
  ReadLogOptions,
  SourceProgress,
  StreamWrite,
  SubscribeOptions,
} from '../event-store.ts';
import { isProgressExpected, isVersionExpected } from '../expectation.ts';
import {
  DEFAULT_BATCH_SIZE,
  followBatches,
  type LogPage,
  type PageRequest,
  readBatches,
} from '../log-batches.ts';

type Appended = Extract<AppendOutcome, { outcome: 'appended' }>;

/** `data` and `meta` as JSON text. */
interface StoredEvent extends EventRow {
  readonly stream: StreamName;
  readonly category: string;
  readonly version: number;
  readonly position: number;
}

export function createMemoryEventStore(): MemoryEventStore {
  return new MemoryEventStore();
}

export class MemoryEventStore implements EventStore {
  readonly identity: LogIdentity = { id: randomUUID(), recoveryEpoch: 0 };
  /** Position p lies at index p - 1. */
  readonly #log: StoredEvent[] = [];
  readonly #streams = new Map<StreamName, StoredEvent[]>();
  readonly #progress = new Map<string, SourceProgress>();
  readonly #recorded = new Map<string, Appended>();
  readonly #pages = {
    changes: new ChangeSignal(),
    page: async (request: PageRequest): Promise<LogPage> => this.#page(request),
  };
  #isClosed = false;

  async append(writes: readonly StreamWrite[], options: AppendOptions = {}): Promise<AppendOutcome> {
    this.#assertOpen();
    const request = appendRequest(writes, options);
    const { source, idempotencyKey } = options;
    const recorded = idempotencyKey === undefined ? undefined : this.#recorded.get(idempotencyKey);
    if (recorded) return { ...recorded, isDuplicate: true };
    const stored = source && this.#progress.get(source.name);
    if (source && !isProgressExpected(source.expected, stored)) return { outcome: 'fenced', actual: stored };

    const staged: StoredEvent[] = [];
    const versions = new Map<StreamName, number>();
    for (const { stream, category, expected, rows } of request.writes) {
      let version = versions.get(stream) ?? this.#streams.get(stream)?.length ?? 0;
      if (!isVersionExpected(expected, version)) {
        return { outcome: 'conflict', stream, expected, actual: version };
      }
      for (const row of rows) {
        version += 1;
        const position = this.#log.length + staged.length + 1;
        staged.push({ ...row, stream, category, version, position });
      }
      versions.set(stream, version);
    }

    for (const event of staged) {
      this.#log.push(event);
      const own = this.#streams.get(event.stream);
      if (own) own.push(event);
      else this.#streams.set(event.stream, [event]);
    }
    if (source) {
      const { name, lsn, position } = source;
      this.#progress.set(name, { name, lsn, position });
    }
    const outcome: Appended = {
      outcome: 'appended',
      position: this.#log.length,
      versions: Object.fromEntries(versions),
      isDuplicate: false,
    };
    if (idempotencyKey !== undefined) this.#recorded.set(idempotencyKey, outcome);
    this.#pages.changes.notify();
    return outcome;
  }

  async *readStream(
    stream: StreamName,
    options: { afterVersion?: number; batchSize?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<readonly RecordedEvent[]> {
    const { afterVersion = 0, batchSize = DEFAULT_BATCH_SIZE, signal } = options;
    checkPosition('Version to read after', afterVersion);
    checkBatchSize(batchSize);
    this.#assertOpen();
    const events = [...(this.#streams.get(stream) ?? [])];
    for (let from = afterVersion; from < events.length && !signal?.aborted; from += batchSize) {
      this.#assertOpen();
      yield events.slice(from, from + batchSize).map(recordedEvent);
    }
  }

  readLog(options: ReadLogOptions): AsyncIterable<LogBatch> {
    return readBatches(this.#pages, options);
  }

  subscribe(options: SubscribeOptions): AsyncIterable<LogBatch> {
    return followBatches(this.#pages, options);
  }

  async head(): Promise<LogHead> {
    this.#assertOpen();
    return { position: this.#log.length, progress: [...this.#progress.values()] };
  }

  async sourceProgress(name: string): Promise<SourceProgress | undefined> {
    this.#assertOpen();
    return this.#progress.get(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#pages.changes.notify();
  }

  #page({ after, upTo, limit, categories, types }: PageRequest): LogPage {
    this.#assertOpen();
    const head = this.#log.length;
    const end = Math.min(upTo, head);
    const events: RecordedEvent[] = [];
    let at = after;
    while (at < end && events.length < limit) {
      const event = this.#log[at]!;
      at += 1;
      if (categories && !categories.includes(event.category)) continue;
      if (types && !types.includes(event.type)) continue;
      events.push(recordedEvent(event));
    }
    return { events, upTo: at, head, progress: [...this.#progress.values()], progressAt: head };
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new BanyanError('LOG_UNREACHABLE', 'The log in memory is closed');
  }
}

/** A copy of its own for each reader. */
function recordedEvent(event: StoredEvent): RecordedEvent {
  return { ...event, data: JSON.parse(event.data), meta: JSON.parse(event.meta) };
}
