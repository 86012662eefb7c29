// The embedded log: one SQLite file in WAL mode, written and read by several processes of one machine. A resolved append
// is on the disk (`synchronous=FULL`).
import type { DatabaseSync } from 'node:sqlite';
import { BanyanError } from '../../kernel/error.ts';
import type { RecordedEvent } from '../../kernel/event.ts';
import type { StreamName } from '../../kernel/stream.ts';
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
import { Appender } from './appender.ts';
import { LogReader } from './log-reader.ts';
import { connect, prepareLog } from './schema.ts';
import { WakeUp } from './wake-up.ts';

export interface SqliteEventStoreOptions {
  readonly path: string;
  /** How long a commit waits for other processes that write. Default 10,000. */
  readonly busyTimeoutMs?: number;
}

const DEFAULT_BATCH = 1_000;

export async function openSqliteEventStore(options: SqliteEventStoreOptions): Promise<EventStore> {
  const busyTimeoutMs = options.busyTimeoutMs ?? 10_000;
  try {
    const writer = connect(options.path, busyTimeoutMs);
    const identity = prepareLog(writer, options.path);
    return new SqliteEventStore(identity, writer, connect(options.path, busyTimeoutMs));
  } catch (cause) {
    if (cause instanceof BanyanError) throw cause;
    const isNoDatabase = cause instanceof Error && 'errcode' in cause && cause.errcode === 26;
    throw new BanyanError(
      isNoDatabase ? 'LOG_CORRUPT' : 'LOG_UNREACHABLE',
      isNoDatabase ? 'The file is not a database' : 'The log cannot be opened',
      { at: options.path, cause },
    );
  }
}

class SqliteEventStore implements EventStore {
  readonly identity: LogIdentity;
  readonly #writer: DatabaseSync;
  readonly #readConnection: DatabaseSync;
  readonly #appender: Appender;
  readonly #reader: LogReader;
  readonly #wakeUp: WakeUp;
  readonly #closing = new AbortController();

  constructor(identity: LogIdentity, writer: DatabaseSync, reader: DatabaseSync) {
    this.identity = identity;
    this.#writer = writer;
    this.#readConnection = reader;
    this.#reader = new LogReader(reader);
    this.#wakeUp = new WakeUp(reader);
    this.#appender = new Appender(writer, () => this.#wakeUp.notify());
  }

  async append(writes: readonly StreamWrite[], options: AppendOptions = {}): Promise<AppendOutcome> {
    this.#assertOpen();
    return this.#appender.append(writes, options).catch((cause: unknown) => {
      if (cause instanceof Error && 'errcode' in cause) {
        throw new BanyanError('LOG_UNREACHABLE', 'The log could not be written', { cause });
      }
      throw cause;
    });
  }

  async *readStream(
    stream: StreamName,
    options: { afterVersion?: number; batchSize?: number; signal?: AbortSignal } = {},
  ): AsyncIterable<readonly RecordedEvent[]> {
    this.#assertOpen();
    const batchSize = options.batchSize ?? DEFAULT_BATCH;
    const last = this.#reader.streamVersion(stream);
    for (let after = options.afterVersion ?? 0; after < last && !options.signal?.aborted; ) {
      const events = this.#reader.readStream(stream, after, last, batchSize);
      yield events;
      after = events[events.length - 1]!.version;
      this.#assertOpen();
    }
  }

  async *readLog(options: ReadLogOptions): AsyncIterable<LogBatch> {
    this.#assertOpen();
    const end = options.upTo ?? this.#reader.head().position;
    let after = options.after;
    let frontier: LogBatch['frontier'] = {};
    do {
      const batch = this.#reader.readPage(after, end, options.batchSize ?? DEFAULT_BATCH, options, frontier);
      yield batch;
      this.#assertOpen();
      ({ upTo: after, frontier } = batch);
    } while (after < Math.min(end, this.#reader.head().position) && !options.signal?.aborted);
  }

  async *subscribe(options: SubscribeOptions): AsyncIterable<LogBatch> {
    const signal = options.signal
      ? AbortSignal.any([options.signal, this.#closing.signal])
      : this.#closing.signal;
    const batchSize = options.batchSize ?? DEFAULT_BATCH;
    let { after } = options;
    let frontier: LogBatch['frontier'] = {};
    let head = -1;
    while (!signal.aborted) {
      const mark = this.#wakeUp.mark();
      const batch = this.#reader.readPage(after, Number.MAX_SAFE_INTEGER, batchSize, options, frontier);
      const isNews =
        batch.events.length > 0 ||
        batch.upTo > after ||
        batch.head !== head ||
        hasMoved(frontier, batch.frontier);
      ({ upTo: after, head, frontier } = batch);
      if (isNews) {
        yield batch;
        // A consumer that is always behind must still let the timers and sockets of its process have their turn.
        await new Promise<void>((turn) => setImmediate(turn));
      }
      if (batch.upTo >= batch.head) await this.#wakeUp.changedSince(mark, signal);
    }
  }

  async head(): Promise<LogHead> {
    this.#assertOpen();
    return this.#reader.head();
  }

  async sourceProgress(name: string): Promise<SourceProgress | undefined> {
    this.#assertOpen();
    return this.#reader.progress(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#appender.drain();
    this.#closing.abort();
    // Subscriptions see the abort before their connection goes.
    await new Promise<void>((turn) => setImmediate(turn));
    this.#readConnection.close();
    this.#writer.close();
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted)
      throw new BanyanError('LOG_UNREACHABLE', 'The log was closed by this process');
  }
}

function hasMoved(before: LogBatch['frontier'], now: LogBatch['frontier']): boolean {
  return Object.entries(now).some(([name, lsn]) => before[name] !== lsn);
}
