// The embedded log: one SQLite file that several processes of one machine append to and read. What `append` resolved is
// synced to disk. It works on the caller's thread: a commit blocks for one sync, shared by all appends of the turn.
import { statSync } from 'node:fs';
import type { RecordedEvent } from '../../kernel/event.ts';
import type { StreamName } from '../../kernel/stream.ts';
import type { Log } from '../../runtime/log.ts';
import { pause } from '../../runtime/wait.ts';
import type { GroupAnswer } from '../append-queue.ts';
import type { AppendRequest } from '../append-request.ts';
import { ChangeSignal } from '../change-signal.ts';
import { EngineEventStore, type LogEngine } from '../engine-event-store.ts';
import type { EventStore, LogHead, LogIdentity, SourceProgress } from '../event-store.ts';
import type { LogPage, PageRequest } from '../log-batches.ts';
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
  const connections = await openConnections(path, busyTimeoutMs, log);
  return new EngineEventStore(new SqliteEngine(connections, path, busyTimeoutMs));
}

class SqliteEngine implements LogEngine {
  readonly identity: LogIdentity;
  readonly at: string;
  readonly changes: ChangeSignal;
  readonly #connections: Connections;
  readonly #busyTimeoutMs: number;
  readonly #reader: LogReader;
  readonly #groups: GroupCommit;
  #commits = 0;

  constructor(connections: Connections, path: string, busyTimeoutMs: number) {
    this.identity = connections.identity;
    this.at = path;
    this.#connections = connections;
    this.#busyTimeoutMs = busyTimeoutMs;
    const reader = new LogReader(connections.reader, path);
    const writer = new LogWriter(connections.writer);
    this.#reader = reader;
    this.changes = new ChangeSignal(
      new DataVersionWatch(
        () => reader.dataVersion(),
        () => this.changes.notify(),
      ),
    );
    this.#groups = new GroupCommit({
      database: connections.writer,
      path,
      busyTimeoutMs,
      begin: () => writer.begin(),
      write: (request) => writer.write(request),
      committed: () => this.#afterCommit(),
    });
  }

  commit(group: readonly AppendRequest[]): Promise<GroupAnswer> {
    return this.#groups.commit(group);
  }

  page(request: PageRequest): Promise<LogPage> {
    return this.#read(() => this.#reader.page(request));
  }

  streamVersion(stream: StreamName): Promise<number> {
    return this.#read(() => this.#reader.streamVersion(stream));
  }

  streamPage(...page: Parameters<LogEngine['streamPage']>): Promise<readonly RecordedEvent[]> {
    return this.#read(() => this.#reader.streamPage(...page));
  }

  head(): Promise<LogHead> {
    return this.#read(() => this.#reader.head());
  }

  sourceProgress(name: string): Promise<SourceProgress | undefined> {
    return this.#read(() => this.#reader.sourceProgress(name));
  }

  async close(): Promise<void> {
    this.#connections.reader.close();
    this.#connections.writer.close();
  }

  /** Reads meet a lock only while another process opens, closes or recovers the file. */
  async #read<T>(read: () => T): Promise<T> {
    const deadline = performance.now() + this.#busyTimeoutMs;
    for (;;) {
      try {
        return read();
      } catch (error) {
        if (!isBusy(error) || performance.now() > deadline) throw logFault(error, this.at);
      }
      await pause(1 + Math.random() * 4);
    }
  }

  #afterCommit(): void {
    this.changes.notify();
    this.#commits += 1;
    if (this.#commits % COMMITS_BETWEEN_LOOKS !== 0) return;
    try {
      if (statSync(`${this.at}-wal`).size <= WAL_BYTES_MAX) return;
      this.#connections.writer.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // Somebody reads: it is tried again. The commits stand whatever becomes of this, and a broken disk shows in the next.
    }
  }
}
