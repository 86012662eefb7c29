// The log in NATS JetStream, server 2.12 or later: as many processes on as many machines as you like append and read, and
// with three replicas a server may be lost. What `append` resolved was synced by a majority of the replicas.
import type { TlsOptions } from '@nats-io/transport-node';
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
import { closedLog, LogConnection, type NatsCredentials } from './log-connection.ts';
import { LogNames } from './log-names.ts';
import { LogReader } from './log-reader.ts';
import { type OpenStream, openStream } from './log-stream.ts';
import { LogWriter } from './log-writer.ts';
import { WakeUp } from './wake-up.ts';

const DEFAULT_NAME = 'banyan';
const DEFAULT_REPLICAS = 3;

export interface NatsEventStoreOptions {
  /** `host:port`, of any of the cluster's servers; they name the others. */
  readonly servers: readonly string[];
  /**
   * The monitoring address of each server that may hold the log, such as `http://10.0.0.1:8222`: only there a server says
   * whether it syncs before it acknowledges.
   */
  readonly monitors?: readonly string[];
  /** Opens the log although nobody could be asked whether servers sync; for hosts that show no monitoring address. */
  readonly trustServers?: boolean;
  /** Of the stream, and the first word of its subjects; made when there is none (default `banyan`). */
  readonly name?: string;
  /** How many servers hold the log (default 3); an existing log on fewer is refused. */
  readonly replicas?: number;
  readonly credentials?: NatsCredentials;
  readonly tls?: TlsOptions;
  readonly log?: Log;
  /** How long to wait for a leader, or for a connection to come back, before LOG_UNREACHABLE (default 20,000). */
  readonly patienceMs?: number;
}

/**
 * Rejects with LOG_UNREACHABLE when no server answers, LOG_UNSAFE when servers or stream would not keep what they
 * acknowledge, LOG_CORRUPT when the stream is something else than a log.
 */
export async function openNatsEventStore(options: NatsEventStoreOptions): Promise<EventStore> {
  const {
    name = DEFAULT_NAME,
    replicas = DEFAULT_REPLICAS,
    monitors = [],
    trustServers = false,
    log,
  } = options;
  const names = new LogNames(name);
  const connection = await LogConnection.open(names.name, options);
  try {
    const settings = { replicas, monitors, trustServers, ...(log ? { log } : {}) };
    return new NatsEventStore(connection, names, await openStream(connection, names, settings));
  } catch (error) {
    await connection.close();
    throw error;
  }
}

class NatsEventStore implements EventStore {
  readonly identity: LogIdentity;
  readonly #connection: LogConnection;
  readonly #reader: LogReader;
  readonly #writer: LogWriter;
  readonly #appends: AppendQueue;
  readonly #wakeUp: WakeUp;
  readonly #changes: ChangeSignal;
  readonly #pages: PagedLog;
  readonly #streams: PagedStreams;
  #closing: Promise<void> | undefined;

  constructor(connection: LogConnection, names: LogNames, { identity, batchMessages }: OpenStream) {
    this.identity = identity;
    this.#connection = connection;
    const reader = new LogReader(connection, names);
    this.#reader = reader;
    this.#writer = new LogWriter(connection, names, batchMessages);
    this.#wakeUp = new WakeUp({
      connection,
      names,
      lastSequence: async () => (await reader.state()).lastSequence,
      changed: () => this.#changes.notify(),
    });
    this.#changes = new ChangeSignal(this.#wakeUp);
    this.#appends = new AppendQueue((group) => this.#commit(group), groupLimits(batchMessages));
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

  head(): Promise<LogHead> {
    return this.#read(() => this.#reader.head());
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
    this.#wakeUp.close();
    this.#changes.notify();
    await this.#connection.close();
  }

  async #commit(group: readonly AppendRequest[]): Promise<GroupAnswer> {
    const answer = await this.#writer.commit(group);
    if (!('outcomes' in answer)) return answer;
    let isChanged = false;
    for (const outcome of answer.outcomes) {
      if (outcome.outcome !== 'appended') continue;
      isChanged = true;
      this.#reader.hasReached(outcome.position);
    }
    if (isChanged) {
      this.#wakeUp.announce();
      this.#changes.notify();
    }
    return answer;
  }

  /** A read that was under way when the store closed rejects too. */
  async #read<T>(read: () => Promise<T>): Promise<T> {
    this.#assertOpen();
    const result = await read();
    this.#assertOpen();
    return result;
  }

  #assertOpen(): void {
    if (this.#closing) throw closedLog(this.#connection.at);
  }
}

/** A group is one batch: each event is a message, and each append may have two of its own. */
function groupLimits(batchMessages: number): { readonly events: number; readonly appends: number } {
  return {
    events: Math.min(2_000, Math.floor(batchMessages * 0.7)),
    appends: Math.min(256, Math.floor(batchMessages * 0.15)),
  };
}
