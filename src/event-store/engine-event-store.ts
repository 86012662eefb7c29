// What every engine that keeps its log somewhere else shares: appends in groups, pages of the log and of streams, and an end
// after which nothing is answered. An engine commits a group and reads a page; the rest of the port is here.
import { BanyanError } from '../kernel/error.ts';
import type { RecordedEvent } from '../kernel/event.ts';
import type { StreamName } from '../kernel/stream.ts';
import { AppendQueue, type GroupAnswer, type GroupLimits } from './append-queue.ts';
import { type AppendRequest, appendRequest } from './append-request.ts';
import type { ChangeSignal } from './change-signal.ts';
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
} from './event-store.ts';
import { followBatches, type LogPage, type PagedLog, type PageRequest, readBatches } from './log-batches.ts';
import { type PagedStreams, type ReadStreamOptions, readStreamBatches } from './stream-batches.ts';

export interface LogEngine {
  readonly identity: LogIdentity;
  /** Where the log is, for a person. */
  readonly at: string;
  /** Notified by the engine, of its own commits and of others'. */
  readonly changes: ChangeSignal;
  readonly groupLimits?: GroupLimits;
  /** Never called twice at a time; does not reject. */
  commit(group: readonly AppendRequest[]): Promise<GroupAnswer>;
  page(request: PageRequest): Promise<LogPage>;
  streamVersion(stream: StreamName): Promise<number>;
  /** From after `after` to `upTo`, in version order, `limit` events at most. */
  streamPage(
    stream: StreamName,
    after: number,
    upTo: number,
    limit: number,
  ): Promise<readonly RecordedEvent[]>;
  head(): Promise<LogHead>;
  sourceProgress(name: string): Promise<SourceProgress | undefined>;
  /** Called once, when every append has its answer. */
  close(): Promise<void>;
}

export class EngineEventStore implements EventStore {
  readonly identity: LogIdentity;
  readonly #engine: LogEngine;
  readonly #appends: AppendQueue;
  readonly #pages: PagedLog;
  readonly #streams: PagedStreams;
  #closing: Promise<void> | undefined;

  constructor(engine: LogEngine) {
    this.identity = engine.identity;
    this.#engine = engine;
    this.#appends = new AppendQueue((group) => engine.commit(group), engine.groupLimits);
    this.#pages = { changes: engine.changes, page: (request) => this.#read(() => engine.page(request)) };
    this.#streams = {
      at: engine.at,
      version: (stream) => this.#read(() => engine.streamVersion(stream)),
      page: (...page) => this.#read(() => engine.streamPage(...page)),
    };
  }

  async append(writes: readonly StreamWrite[], options: AppendOptions = {}): Promise<AppendOutcome> {
    this.#assertOpen();
    return this.#appends.append(appendRequest(writes, options));
  }

  readStream(stream: StreamName, options?: ReadStreamOptions): AsyncIterable<readonly RecordedEvent[]> {
    return readStreamBatches(this.#streams, stream, options);
  }

  readLog(options: ReadLogOptions): AsyncIterable<LogBatch> {
    return readBatches(this.#pages, options);
  }

  subscribe(options: SubscribeOptions): AsyncIterable<LogBatch> {
    return followBatches(this.#pages, options);
  }

  head(): Promise<LogHead> {
    return this.#read(() => this.#engine.head());
  }

  sourceProgress(name: string): Promise<SourceProgress | undefined> {
    return this.#read(() => this.#engine.sourceProgress(name));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#appends.settled();
    // Whoever waits for a change finds the log closed.
    this.#engine.changes.notify();
    await this.#engine.close();
  }

  /** A read that was under way when the store closed rejects too. */
  async #read<T>(read: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    try {
      return await read();
    } finally {
      this.#assertOpen();
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw new BanyanError('LOG_UNREACHABLE', 'The log is closed', { at: this.#engine.at });
  }
}
