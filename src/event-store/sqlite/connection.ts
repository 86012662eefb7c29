// Opening a log file: one connection that writes and one that reads, both ready, or a fault that says why not. Any number
// of processes may do this at once.
import { DatabaseSync } from 'node:sqlite';
import type { Log } from '../../runtime/log.ts';
import { pause } from '../../runtime/wait.ts';
import type { LogIdentity } from '../event-store.ts';
import { prepareSchema, readIdentity } from './schema.ts';
import { isBusy, logFault } from './sqlite-error.ts';

/**
 * Every commit is synced before it counts. A checkpoint each 4,000 pages (16 MB) keeps its pause near 15 ms; readers hold
 * no snapshot between two turns, so the write-ahead file is reused after it.
 */
const WRITER_PRAGMAS = `
  PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = 4000;
  PRAGMA journal_size_limit = 16777216;
  PRAGMA cache_size = -65536;
`;
const READER_PRAGMAS = 'PRAGMA query_only = ON; PRAGMA cache_size = -16384;';

export interface Connections {
  readonly writer: DatabaseSync;
  readonly reader: DatabaseSync;
  readonly identity: LogIdentity;
}

export async function openConnections(path: string, busyTimeoutMs: number, log?: Log): Promise<Connections> {
  const deadline = performance.now() + busyTimeoutMs;
  for (;;) {
    try {
      return open(path, log);
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw logFault(error, path);
    }
    await pause(5 + Math.random() * 15);
  }
}

function open(path: string, log: Log | undefined): Connections {
  const opened: DatabaseSync[] = [];
  try {
    const writer = new DatabaseSync(path, { timeout: 0 });
    opened.push(writer);
    prepareSchema(writer, path);
    writer.exec(WRITER_PRAGMAS);
    const reader = new DatabaseSync(path, { timeout: 0 });
    opened.push(reader);
    reader.exec(READER_PRAGMAS);
    warnOfOldSqlite(reader, path, log);
    return { writer, reader, identity: readIdentity(reader, path) };
  } catch (error) {
    for (const database of opened) database.close();
    throw error;
  }
}

/** Before 3.51.3 (back-ported to 3.50.7 and 3.44.6) two connections that checkpoint at once could damage the file. */
function warnOfOldSqlite(database: DatabaseSync, path: string, log: Log | undefined): void {
  const version = String(database.prepare('SELECT sqlite_version() AS version').get()?.version);
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const number = major * 1_000_000 + minor * 1000 + patch;
  const isSound = number >= 3_051_003 || (minor === 50 && patch >= 7) || (minor === 44 && patch >= 6);
  if (!isSound) {
    log?.warn(
      { path, sqlite: version },
      'this SQLite has the WAL-reset bug: use Node 24, or one process per log',
    );
  }
}
