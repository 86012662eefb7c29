// The embedded log: one SQLite file that several processes of one machine append to and read. What `append` resolved is
// synced to disk. It works on the caller's thread: a commit blocks for one sync, shared by all appends of the turn.
import { statSync } from 'node:fs';
import { BanyanError } from '../../kernel/error.ts';
import type { RecordedEvent } from '../../kernel/event.ts';
import type { StreamName } from '../../kernel/stream.ts';
import type { Log } from '../../runtime/log.ts';
import { pause } from '../../runtime/wait.ts';
import { AppendQueue } from '../append-queue.ts';
import { appendRequest } from '../append-request.ts';
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
import { type Connections, openConnections } from './connection.ts';
import { DataVersionWatch } from './data-version-watch.ts';
import { GroupCommit } from './group-commit.ts';
import { LogReader } from './log-reader.ts';
import { LogWriter } from './log-writer.ts';
import { isBusy, logFault } from './sqlite-error.ts';

/** Readers of other processes can keep the write-ahead file from being reused; past this size it is cut in a quiet moment. */
const WAL_BYTES_MAX = 32 * 1024 * 1024;
const COMMITS_BETWEEN_LOOKS = 64;

export interface SqliteEventStoreOptions {
  /** The log file; made when there is none. Beside it stand `-wal` and `-shm`, which belong to it. */
  readonly path: string;
  readonly log?: Log;
  /** How long to wait for the locks of other processes before LOG_UNREACHABLE (default 5,000). */
  readonly busyTimeoutMs?: number;
}

/** Rejects with LOG_UNREACHABLE when the file cannot be opened, LOG_CORRUPT when it is something else than a log. */
export async function openSqliteEventStore(options: SqliteEventStoreOptions): Promise<EventStore> {
  const { path, log, busyTimeoutMs = 5000 } = options;
  return new SqliteEventStore(await openConnections(path, busyTimeoutMs, log), path, busyTimeoutMs);
}

class SqliteEventStore implements EventStore {
  readonly identity: LogIdentity;
  readonly #connections: Connections;
  readonly #path: string;
  readonly #busyTimeoutMs: number;
  readonly #reader: LogReader;
  readonly #appends: AppendQueue;
  readonly #changes: ChangeSignal;
  readonly #pages: PagedLog;
  readonly #streams: PagedStreams;
  #commits = 0;
  #closing: Promise<void> | undefined;

  constructor(connections: Connections, path: string, busyTimeoutMs: number) {
    this.identity = connections.identity;
    this.#connections = connections;
    this.#path = path;
    this.#busyTimeoutMs = busyTimeoutMs;
    const reader = new LogReader(connections.reader, path);
    const writer = new LogWriter(connections.writer);
    this.#reader = reader;
    this.#changes = new ChangeSignal(
      new DataVersionWatch(
        () => reader.dataVersion(),
        () => this.#changes.notify(),
      ),
    );
    const commits = new GroupCommit({
      database: connections.writer,
      path,
      busyTimeoutMs,
      begin: () => writer.begin(),
      write: (request) => writer.write(request),
      committed: () => this.#afterCommit(),
    });
    this.#appends = new AppendQueue((group) => commits.commit(group));
    this.#pages = {
      changes: this.#changes,
      page: (request) => this.#read(() => reader.page(request)),
    };
    this.#streams = {
      at: path,
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
    this.#connections.reader.close();
    this.#connections.writer.close();
    this.#changes.notify();
  }

  /** Reads meet a lock only while another process opens, closes or recovers the file. */
  async #read<T>(read: () => T): Promise<T> {
    const deadline = performance.now() + this.#busyTimeoutMs;
    for (;;) {
      this.#assertOpen();
      try {
        return read();
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw logFault(error, this.#path);
      }
      await pause(1 + Math.random() * 4);
    }
  }

  #afterCommit(): void {
    this.#changes.notify();
    this.#commits += 1;
    if (this.#commits % COMMITS_BETWEEN_LOOKS !== 0) return;
    try {
      if (statSync(`${this.#path}-wal`).size <= WAL_BYTES_MAX) return;
      this.#connections.writer.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // Somebody reads: it is tried again. The commits stand whatever becomes of this, and a broken disk shows in the next.
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw new BanyanError('LOG_UNREACHABLE', 'The log is closed', { at: this.#path });
  }
}
