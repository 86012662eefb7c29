// The tables of a log in a schema of its own, made by whoever comes first, and the proof that a schema is such a log. The
// database itself refuses to change or to forget an event.
import { randomUUID } from 'node:crypto';
import { BanyanError } from '../../kernel/error.ts';
import type { PostgresClient } from '../../postgres/connect.ts';
import type { Log } from '../../runtime/log.ts';
import type { LogIdentity } from '../event-store.ts';
import { appendFunction } from './append-function.ts';
import { horizonFunction } from './horizon-function.ts';
import { type LogNames, POSITION_MAX } from './log-names.ts';

const SCHEMA_VERSION = 1;
const TABLES = ['log', 'event', 'stream', 'source_progress', 'idempotency_key'];

/**
 * Text is compared byte by byte (collation C): no upgrade of a locale library can damage an index. JSON stays text, as
 * every engine keeps it; `data::json` reads it in SQL.
 * A stream's row is what its writers lock; its version says what the events say. The sequence starts at 0, already used,
 * so that its last value is always the last position drawn. `true_at` is the position at which a source's LSN is true.
 * After a restore from a backup: UPDATE log SET recovery_epoch = recovery_epoch + 1.
 */
function tables({ schema }: LogNames): string {
  return `
CREATE TABLE ${schema}.log (
  singleton int PRIMARY KEY CHECK (singleton = 1),
  id text NOT NULL,
  recovery_epoch int NOT NULL,
  schema_version int NOT NULL
);
CREATE TABLE ${schema}.event (
  position bigint PRIMARY KEY CHECK (position > 0),
  stream text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  category text COLLATE "C" NOT NULL GENERATED ALWAYS AS (split_part(stream, '-', 1)) STORED,
  type text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  time text COLLATE "C" NOT NULL,
  schema_version bigint NOT NULL,
  data text COLLATE "C" NOT NULL,
  meta text COLLATE "C" NOT NULL,
  CONSTRAINT event_of_stream UNIQUE (stream, version)
);
CREATE INDEX event_of_category ON ${schema}.event (category, position);
CREATE SEQUENCE ${schema}.event_position MINVALUE 0 START 0 MAXVALUE ${POSITION_MAX} OWNED BY ${schema}.event.position;
SELECT nextval('${schema}.event_position');
CREATE TABLE ${schema}.stream (
  name text COLLATE "C" PRIMARY KEY,
  version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE TABLE ${schema}.source_progress (
  name text COLLATE "C" PRIMARY KEY,
  lsn pg_lsn,
  position bigint,
  true_at bigint
) WITH (fillfactor = 50);
CREATE TABLE ${schema}.idempotency_key (
  key text COLLATE "C" PRIMARY KEY,
  recorded_at timestamptz NOT NULL DEFAULT now(),
  position bigint,
  versions jsonb
) WITH (fillfactor = 70);
CREATE INDEX idempotency_key_by_age ON ${schema}.idempotency_key (recorded_at);
CREATE FUNCTION ${schema}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS
  $function$ BEGIN RAISE EXCEPTION 'events are for ever'; END $function$;
CREATE TRIGGER event_is_for_ever BEFORE UPDATE OR DELETE OR TRUNCATE ON ${schema}.event
  FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.refuse_change();
`;
}

/** Makes the log when the schema has none. Throws LOG_CORRUPT, and touches nothing, when the schema is something else. */
export async function prepareSchema(
  db: PostgresClient,
  names: LogNames,
  at: string,
  log: Log | undefined,
): Promise<LogIdentity> {
  await refuseUnfitServer(db, at);
  if (!(await hasLog(db, names, at))) await createLog(db, names, at);
  const identity = await readIdentity(db, names, at);
  await raiseSequence(db, names, at, log);
  return identity;
}

async function createLog(db: PostgresClient, names: LogNames, at: string): Promise<void> {
  const { name, schema, inFlightKey } = names;
  await db.query('BEGIN');
  try {
    // One process makes it; the others wait here and then find it made.
    await db.query('SELECT pg_advisory_xact_lock($1::bigint)', [inFlightKey]);
    if (!(await hasLog(db, names, at))) {
      const found = await db.query('SELECT FROM pg_namespace WHERE nspname = $1', [name]);
      if (found.rowCount === 0) await db.query(`CREATE SCHEMA ${schema}`);
      await db.query(tables(names));
      await db.query(horizonFunction(names));
      await db.query(appendFunction(names));
      await db.query(`INSERT INTO ${schema}.log VALUES (1, $1, 0, $2)`, [randomUUID(), SCHEMA_VERSION]);
    }
    await db.query('COMMIT');
  } catch (error) {
    await db.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Whether the schema holds a log. Throws LOG_CORRUPT when it holds part of one, or tables of the same names. */
async function hasLog(db: PostgresClient, { name }: LogNames, at: string): Promise<boolean> {
  const { rows } = await db.query<{ relname: string }>(
    `SELECT relname FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
     AND relname = ANY ($2)`,
    [name, TABLES],
  );
  if (rows.length === TABLES.length) return true;
  if (rows.length === 0) return false;
  throw new BanyanError('LOG_CORRUPT', 'The schema is not a Banyan log', {
    at,
    why: `Of the tables of a log it has only ${rows.map(({ relname }) => `"${relname}"`).join(', ')}.`,
    remedy: 'Point the config at the log, or at a schema where none is yet; this one was left as it is.',
  });
}

async function readIdentity(db: PostgresClient, { schema }: LogNames, at: string): Promise<LogIdentity> {
  const { rows } = await db.query<{ id: string; recovery_epoch: number; schema_version: number }>(
    `SELECT id, recovery_epoch, schema_version FROM ${schema}.log`,
  );
  const [row] = rows;
  if (!row) throw new BanyanError('LOG_CORRUPT', 'The log has no identity', { at });
  if (row.schema_version !== SCHEMA_VERSION) {
    throw new BanyanError('LOG_CORRUPT', 'The log has a schema that this version of Banyan does not know', {
      at,
      why: `Its schema version is ${row.schema_version}, expected ${SCHEMA_VERSION}.`,
      remedy: 'Use the version of Banyan that wrote this log; the database was left as it is.',
    });
  }
  return { id: row.id, recoveryEpoch: row.recovery_epoch };
}

/**
 * A copy made table by table, or by logical replication, brings the rows but not the sequence: it would draw positions
 * that are taken, and readers would stop where it stands. In a log that was not copied it is never behind.
 */
async function raiseSequence(
  db: PostgresClient,
  { schema }: LogNames,
  at: string,
  log: Log | undefined,
): Promise<void> {
  const { rowCount } = await db.query(
    `SELECT setval('${schema}.event_position', head.position)
     FROM (SELECT coalesce(max(position), 0) AS position FROM ${schema}.event) AS head
     WHERE head.position > (SELECT last_value FROM ${schema}.event_position)`,
  );
  if (rowCount)
    log?.warn({ at }, 'the sequence was behind the events, as after a copy of the tables: raised');
}

async function refuseUnfitServer(db: PostgresClient, at: string): Promise<void> {
  const { rows } = await db.query<{ version: number; encoding: string; is_standby: boolean }>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
       pg_is_in_recovery() AS is_standby`,
  );
  const { version, encoding, is_standby: isStandby } = rows[0]!;
  const unfit = (why: string, remedy: string): BanyanError =>
    new BanyanError('LOG_UNREACHABLE', 'This server cannot hold the log', { at, why, remedy });
  if (version < 150_000) {
    throw unfit(`It is PostgreSQL ${Math.floor(version / 10_000)}.`, 'Use PostgreSQL 15 or later.');
  }
  if (encoding !== 'UTF8') {
    throw unfit(`Its encoding is ${encoding}.`, "Create the database with ENCODING 'UTF8'.");
  }
  if (isStandby) throw unfit('It is a standby: it shows no locks of writers.', 'Use the primary.');
}
