// The log in NATS JetStream, server 2.12 or later: as many processes on as many machines as you like append and read, and
// with three replicas a server may be lost. What `append` resolved was synced by a majority of the replicas.
import type { TlsOptions } from '@nats-io/transport-node';
import type { RecordedEvent } from '../../kernel/event.ts';
import type { StreamName } from '../../kernel/stream.ts';
import type { Log } from '../../runtime/log.ts';
import type { GroupAnswer, GroupLimits } from '../append-queue.ts';
import type { AppendRequest } from '../append-request.ts';
import { ChangeSignal } from '../change-signal.ts';
import { EngineEventStore, type LogEngine } from '../engine-event-store.ts';
import type { EventStore, LogHead, LogIdentity, SourceProgress } from '../event-store.ts';
import type { LogPage, PageRequest } from '../log-batches.ts';
import { LogConnection, type NatsCredentials } from './log-connection.ts';
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
    const opened = await openStream(connection, names, settings);
    return new EngineEventStore(new NatsEngine(connection, names, opened));
  } catch (error) {
    await connection.close();
    throw error;
  }
}

class NatsEngine implements LogEngine {
  readonly identity: LogIdentity;
  readonly at: string;
  readonly changes: ChangeSignal;
  readonly groupLimits: GroupLimits;
  readonly #connection: LogConnection;
  readonly #reader: LogReader;
  readonly #writer: LogWriter;
  readonly #wakeUp: WakeUp;

  constructor(connection: LogConnection, names: LogNames, { identity, batchMessages }: OpenStream) {
    this.identity = identity;
    this.at = connection.at;
    this.groupLimits = groupLimits(batchMessages);
    this.#connection = connection;
    const reader = new LogReader(connection, names);
    this.#reader = reader;
    this.#writer = new LogWriter(connection, names, batchMessages);
    this.#wakeUp = new WakeUp({
      connection,
      names,
      lastSequence: async () => (await reader.state()).lastSequence,
      changed: () => this.changes.notify(),
    });
    this.changes = new ChangeSignal(this.#wakeUp);
  }

  async commit(group: readonly AppendRequest[]): Promise<GroupAnswer> {
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
      this.changes.notify();
    }
    return answer;
  }

  page(request: PageRequest): Promise<LogPage> {
    return this.#reader.page(request);
  }

  streamVersion(stream: StreamName): Promise<number> {
    return this.#reader.streamVersion(stream);
  }

  streamPage(...page: Parameters<LogEngine['streamPage']>): Promise<readonly RecordedEvent[]> {
    return this.#reader.streamPage(...page);
  }

  head(): Promise<LogHead> {
    return this.#reader.head();
  }

  sourceProgress(name: string): Promise<SourceProgress | undefined> {
    return this.#reader.sourceProgress(name);
  }

  async close(): Promise<void> {
    this.#wakeUp.close();
    await this.#connection.close();
  }
}

/** A group is one batch: each event is a message, and each append may have two of its own. */
function groupLimits(batchMessages: number): GroupLimits {
  return {
    events: Math.min(2_000, Math.floor(batchMessages * 0.7)),
    appends: Math.min(256, Math.floor(batchMessages * 0.15)),
  };
}
