// The log in PostgreSQL, 15 or later: as many processes on as many machines as you like append and read. Writers run in
// parallel; readers stop at the horizon. What `append` resolved is as durable as the server's commit.
import { BanyanError } from '../../kernel/error.ts';
import type { RecordedEvent } from '../../kernel/event.ts';
import type { StreamName } from '../../kernel/stream.ts';
import type { Log } from '../../runtime/log.ts';
import { AppendQueue, type GroupAnswer } from '../append-queue.ts';
import { type AppendRequest, appendRequest } from '../append-request.ts';
import { ChangeSignal } from '../change-signal.ts';
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
import { followBatches, type PagedLog, readBatches } from '../log-batches.ts';
import { type PagedStreams, type ReadStreamOptions, readStreamBatches } from '../stream-batches.ts';
import { appendOutcomes, appendStatement, type Verdict } from './append.ts';
import { appendOneStatement, type OneAppended, oneAppended } from './append-one.ts';
import { LogConnection } from './log-connection.ts';
import { isRolledBack, logFault } from './log-fault.ts';
import { type LogNames, logNames } from './log-names.ts';
import { LogReader } from './log-reader.ts';
import { WakeUp } from './wake-up.ts';

const DEFAULT_SCHEMA = 'banyan';
const DEFAULT_POOL_SIZE = 5;

export interface PostgresEventStoreOptions {
  /** Of the primary. */
  readonly url: string;
  /** Holds the log and nothing else; made when there is none (default `banyan`). */
  readonly schema?: string;
  readonly log?: Log;
  /** At most so many connections, besides one that listens while somebody follows the log (default 5). */
  readonly poolSize?: number;
}

/** Rejects with LOG_UNREACHABLE when the server cannot be used, LOG_CORRUPT when the schema is something else than a log. */
export async function openPostgresEventStore(options: PostgresEventStoreOptions): Promise<EventStore> {
  const { url, schema = DEFAULT_SCHEMA, log, poolSize = DEFAULT_POOL_SIZE } = options;
  const names = logNames(schema);
  const connection = new LogConnection(url, names, poolSize);
  try {
    const identity = await connection.prepare(names, log);
    return new PostgresEventStore(identity, url, names, connection);
  } catch (error) {
    await connection.close();
    throw error;
  }
}

class PostgresEventStore implements EventStore {
  readonly identity: LogIdentity;
  readonly #names: LogNames;
  readonly #connection: LogConnection;
  readonly #reader: LogReader;
  readonly #appends: AppendQueue;
  readonly #wakeUp: WakeUp;
  readonly #changes: ChangeSignal;
  readonly #pages: PagedLog;
  readonly #streams: PagedStreams;
  #closing: Promise<void> | undefined;

  constructor(identity: LogIdentity, url: string, names: LogNames, connection: LogConnection) {
    this.identity = identity;
    this.#names = names;
    this.#connection = connection;
    const reader = new LogReader(connection, names);
    this.#reader = reader;
    this.#wakeUp = new WakeUp({ url, names, connection, reader, changed: () => this.#changes.notify() });
    this.#changes = new ChangeSignal(this.#wakeUp);
    this.#appends = new AppendQueue((group) => this.#commit(group));
    this.#pages = {
      changes: this.#changes,
      page: (request) => this.#read(() => reader.page(request)),
    };
    this.#streams = {
      at: connection.at,
      version: (stream) => this.#read(() => reader.streamVersion(stream)),
      page: (...page) => this.#read(() => reader.streamPage(...page)),
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

  async head(): Promise<LogHead> {
    const { head, progress } = await this.#read(() => this.#reader.currentHorizon());
    return { position: head, progress };
  }

  sourceProgress(name: string): Promise<SourceProgress | undefined> {
    return this.#read(() => this.#reader.sourceProgress(name));
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#appends.settled();
    await this.#wakeUp.close();
    this.#changes.notify();
    await this.#connection.close();
  }

  async #commit(group: readonly AppendRequest[]): Promise<GroupAnswer> {
    try {
      const outcomes = (await this.#commitOne(group)) ?? (await this.#commitAll(group));
      if (outcomes.some(({ outcome }) => outcome === 'appended')) {
        this.#wakeUp.announce();
        this.#changes.notify();
      }
      return { outcomes };
    } catch (error) {
      return { error: logFault(error, this.#connection.at), mayTryEachAlone: isRolledBack(error) };
    }
  }

  /** Undefined when this is no append of one event, or a refused one. */
  async #commitOne(group: readonly AppendRequest[]): Promise<AppendOutcome[] | undefined> {
    const [request] = group;
    const statement = group.length === 1 && request ? appendOneStatement(this.#names, request) : undefined;
    const [row] = statement ? await this.#connection.run<OneAppended>(statement) : [];
    return row && request ? [oneAppended(request, row)] : undefined;
  }

  async #commitAll(group: readonly AppendRequest[]): Promise<AppendOutcome[]> {
    const verdicts = await this.#connection.run<Verdict>(appendStatement(this.#names, group));
    return appendOutcomes(group, verdicts);
  }

  /** A read that was under way when the store closed rejects too. */
  async #read<T>(read: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    const result = await read();
    this.#assertOpen();
    return result;
  }

  #assertOpen(): void {
    if (this.#closing) {
      throw new BanyanError('LOG_UNREACHABLE', 'The log is closed', { at: this.#connection.at });
    }
  }
}
