// The tables of a log file, made once whoever comes first, and the proof that a file is such a log. The database itself
// refuses to change or to forget an event.
import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { BanyanError } from '../../kernel/error.ts';
import type { LogIdentity } from '../event-store.ts';
import { notALog } from './sqlite-error.ts';

/** `BNYN`, in the file's header. */
const APPLICATION_ID = 0x424e594e;
const SCHEMA_VERSION = 1;

/**
 * Positions are the largest one plus one, and nothing is ever deleted: no position is used twice.
 * An event holds its stream's name, not a number for it: replay then needs no join, and a version needs no second row.
 * `category` is indexed together with the row's key, which is the position.
 * LSNs are unsigned; the column holds the same 64 bits as a signed number.
 */
const SCHEMA = `
  CREATE TABLE log (
    singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
    id TEXT NOT NULL,
    recovery_epoch INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    category TEXT NOT NULL,
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    time TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    data TEXT NOT NULL,
    meta TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX event_of_stream ON event (stream, version);
  CREATE INDEX event_of_category ON event (category);
  CREATE TRIGGER event_is_not_changed BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'events are for ever'); END;
  CREATE TRIGGER event_is_not_deleted BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'events are for ever'); END;
  CREATE TABLE source_progress (
    name TEXT PRIMARY KEY,
    lsn INTEGER NOT NULL,
    position INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE idempotency_key (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    recorded_at INTEGER NOT NULL,
    outcome TEXT NOT NULL
  ) STRICT;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** Makes the tables when the file is empty. Throws LOG_CORRUPT, and touches nothing, when it is something else. */
export function prepareSchema(database: DatabaseSync, path: string): void {
  if (isLog(database, path)) return;
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have been first while this one waited for the lock.
    if (!isLog(database, path)) {
      database.exec(SCHEMA);
      database.prepare('INSERT INTO log VALUES (1, ?, 0)').run(randomUUID());
    }
    database.exec('COMMIT');
  } finally {
    if (database.isTransaction) database.exec('ROLLBACK');
  }
}

export function readIdentity(database: DatabaseSync, path: string): LogIdentity {
  const row = database.prepare('SELECT id, recovery_epoch FROM log').get();
  if (!row) throw notALog(path, 'It has no identity.');
  return { id: String(row.id), recoveryEpoch: Number(row.recovery_epoch) };
}

/** One statement, so one moment: another process may be making the log. Leases may live in the same file and be there first. */
const INSPECTION = `
  SELECT (SELECT application_id FROM pragma_application_id) AS application_id,
         (SELECT user_version FROM pragma_user_version) AS schema_version,
         (SELECT count(*) FROM sqlite_schema WHERE name <> 'lease') AS tables`;

/** False for an empty database. */
function isLog(database: DatabaseSync, path: string): boolean {
  const found = database.prepare(INSPECTION).get()!;
  const [applicationId, schemaVersion] = [Number(found.application_id), Number(found.schema_version)];
  if (applicationId === APPLICATION_ID) {
    if (schemaVersion === SCHEMA_VERSION) return true;
    throw new BanyanError('LOG_CORRUPT', 'The log has a schema that this version of Banyan does not know', {
      at: path,
      why: `Its schema version is ${schemaVersion}, expected ${SCHEMA_VERSION}.`,
      remedy: 'Use the version of Banyan that wrote this log; the file was left as it is.',
    });
  }
  if (applicationId === 0 && schemaVersion === 0 && Number(found.tables) === 0) return false;
  throw notALog(path, `It is an SQLite database of another program (application id ${applicationId}).`);
}
