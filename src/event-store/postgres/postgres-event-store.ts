// The log in PostgreSQL, 15 or later: as many processes on as many machines as you like append and read. Writers run in
// parallel; readers stop at the horizon. What `append` resolved is as durable as the server's commit.
import type { RecordedEvent } from '../../kernel/event.ts';
import type { StreamName } from '../../kernel/stream.ts';
import type { Log } from '../../runtime/log.ts';
import type { GroupAnswer } from '../append-queue.ts';
import type { AppendRequest } from '../append-request.ts';
import { ChangeSignal } from '../change-signal.ts';
import { EngineEventStore, type LogEngine } from '../engine-event-store.ts';
import type { AppendOutcome, EventStore, LogHead, LogIdentity, SourceProgress } from '../event-store.ts';
import type { LogPage, PageRequest } from '../log-batches.ts';
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
    return new EngineEventStore(new PostgresEngine(identity, url, names, connection));
  } catch (error) {
    await connection.close();
    throw error;
  }
}

class PostgresEngine implements LogEngine {
  readonly identity: LogIdentity;
  readonly at: string;
  readonly changes: ChangeSignal;
  readonly #names: LogNames;
  readonly #connection: LogConnection;
  readonly #reader: LogReader;
  readonly #wakeUp: WakeUp;

  constructor(identity: LogIdentity, url: string, names: LogNames, connection: LogConnection) {
    this.identity = identity;
    this.at = connection.at;
    this.#names = names;
    this.#connection = connection;
    const reader = new LogReader(connection, names);
    this.#reader = reader;
    this.#wakeUp = new WakeUp({ url, names, connection, reader, changed: () => this.changes.notify() });
    this.changes = new ChangeSignal(this.#wakeUp);
  }

  async commit(group: readonly AppendRequest[]): Promise<GroupAnswer> {
    try {
      const outcomes = (await this.#commitOne(group)) ?? (await this.#commitAll(group));
      if (outcomes.some(({ outcome }) => outcome === 'appended')) {
        this.#wakeUp.announce();
        this.changes.notify();
      }
      return { outcomes };
    } catch (error) {
      return { error: logFault(error, this.at), mayTryEachAlone: isRolledBack(error) };
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

  page(request: PageRequest): Promise<LogPage> {
    return this.#reader.page(request);
  }

  streamVersion(stream: StreamName): Promise<number> {
    return this.#reader.streamVersion(stream);
  }

  streamPage(...page: Parameters<LogEngine['streamPage']>): Promise<readonly RecordedEvent[]> {
    return this.#reader.streamPage(...page);
  }

  async head(): Promise<LogHead> {
    const { head, progress } = await this.#reader.currentHorizon();
    return { position: head, progress };
  }

  sourceProgress(name: string): Promise<SourceProgress | undefined> {
    return this.#reader.sourceProgress(name);
  }

  async close(): Promise<void> {
    await this.#wakeUp.close();
    await this.#connection.close();
  }
}
