// The tables of a log file, made once, and the check that a file is one of ours.
import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { BanyanError } from '../../kernel/error.ts';
import type { LogIdentity } from '../event-store.ts';

const SCHEMA_VERSION = 1;
/** Marks the file as a Banyan log in its header (`PRAGMA application_id`). */
const APPLICATION_ID = 0x42_4e_59_4e;

const TABLES = `
  CREATE TABLE identity (id TEXT NOT NULL, recovery_epoch INTEGER NOT NULL);
  CREATE TABLE category (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
  CREATE TABLE stream (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, category INTEGER NOT NULL, version INTEGER NOT NULL);
  CREATE TABLE event (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    stream INTEGER NOT NULL,
    version INTEGER NOT NULL,
    category INTEGER NOT NULL,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    time TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    data TEXT NOT NULL,
    meta TEXT NOT NULL
  );
  CREATE UNIQUE INDEX event_by_stream ON event (stream, version);
  CREATE INDEX event_by_category ON event (category, position);
  CREATE TABLE source_progress (name TEXT PRIMARY KEY, lsn INTEGER NOT NULL, position INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE idempotency (key TEXT PRIMARY KEY, outcome TEXT NOT NULL) WITHOUT ROWID;
`;

/** Opens a connection with the settings that the guarantees rest on. */
export function connect(path: string, busyTimeoutMs: number): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: busyTimeoutMs });
  // FULL: a commit is on the disk before it returns. The size limit gives back what a slow reader made the WAL grow to.
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 4000;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA cache_size = -65536;
    PRAGMA temp_store = MEMORY;
  `);
  return database;
}

/** Creates the tables unless they are there, safely for several processes at once, and answers which log this is. */
export function prepareLog(database: DatabaseSync, path: string): LogIdentity {
  database.exec('BEGIN IMMEDIATE');
  try {
    const version = pragma(database, 'user_version');
    if (version === 0) {
      if (database.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' LIMIT 1").get())
        throw foreign(path);
      database.exec(TABLES);
      database.prepare('INSERT INTO identity VALUES (?, 0)').run(randomUUID());
      database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; PRAGMA application_id = ${APPLICATION_ID};`);
    } else if (pragma(database, 'application_id') !== APPLICATION_ID) {
      throw foreign(path);
    } else if (version !== SCHEMA_VERSION) {
      throw new BanyanError(
        'LOG_CORRUPT',
        `The log has schema version ${version}; this Banyan reads ${SCHEMA_VERSION}`,
        {
          at: path,
          remedy: 'Use the version of Banyan that wrote the log.',
        },
      );
    }
    const row = database.prepare('SELECT id, recovery_epoch AS recoveryEpoch FROM identity').get();
    database.exec('COMMIT');
    return { id: String(row?.id), recoveryEpoch: Number(row?.recoveryEpoch) };
  } catch (error) {
    database.exec('ROLLBACK');
    throw error;
  }
}

function foreign(path: string): BanyanError {
  return new BanyanError('LOG_CORRUPT', 'The file is a database, but not a Banyan log', {
    at: path,
    remedy: 'Point the config at another path.',
  });
}

function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}
