// Connections to PostgreSQL. Every one has the same pinned settings, so that a value has one text, whether it came through
// the write-ahead log or through a SELECT.
import pg from 'pg';
import { addressOf, postgresFault } from './fault.ts';

export type PostgresClient = pg.Client;
export type PostgresPool = pg.Pool;

const PINNED = {
  datestyle: 'ISO',
  timezone: 'UTC',
  intervalstyle: 'postgres',
  extra_float_digits: '1',
  bytea_output: 'hex',
  client_encoding: 'UTF8',
};

/** Values stay the text that the server sent: no shifted dates, no rounded numbers. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

const CONNECT_TIMEOUT_MS = 10_000;

export interface ConnectOptions {
  readonly applicationName: string;
  /** Speak the replication protocol, for one database. */
  readonly isReplication?: boolean;
  /** Settings of the session besides the pinned ones. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface PoolOptions extends ConnectOptions {
  readonly size: number;
  /** A query not answered in this time is given up with its connection: a server that vanished says nothing. */
  readonly answerTimeoutMs?: number;
}

/** One connection, open. Rejects with SOURCE_UNREACHABLE. */
export async function connectPostgres(url: string, options: ConnectOptions): Promise<PostgresClient> {
  const client = new pg.Client({
    ...settings(url, options),
    ...(options.isReplication ? { replication: 'database' } : {}),
  } as pg.ClientConfig);
  // An error while nothing is under way shows in the next query; unheard it would end the process.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    await client.end().catch(() => undefined);
    throw postgresFault(error, addressOf(url));
  }
  return client;
}

/** A bounded pool of connections, opened on demand. */
export function createPool(url: string, options: PoolOptions): PostgresPool {
  const { size, answerTimeoutMs } = options;
  const pool = new pg.Pool({
    ...settings(url, options),
    max: size,
    ...(answerTimeoutMs === undefined ? {} : { query_timeout: answerTimeoutMs }),
  });
  pool.on('error', () => undefined);
  return pool;
}

type Queryable = Pick<pg.Client, 'query'> | Pick<pg.Pool, 'query'>;
export type TextRow = Readonly<Record<string, string | null>>;

/** Runs one statement; every value as text. Faults are translated. */
export async function queryText(
  db: Queryable,
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly TextRow[]> {
  try {
    const result = await (db as pg.Client).query<Record<string, string | null>>({
      text: sql,
      values: [...values],
      types: AS_TEXT,
    });
    return result.rows;
  } catch (error) {
    throw postgresFault(error, 'the source');
  }
}

/** The same as arrays in column order, for many rows. */
export async function queryArrays(
  db: Queryable,
  sql: string,
  values: readonly unknown[] = [],
): Promise<readonly (readonly (string | null)[])[]> {
  try {
    const result = await (db as pg.Client).query<(string | null)[]>({
      text: sql,
      values: [...values],
      types: AS_TEXT,
      rowMode: 'array',
    });
    return result.rows;
  } catch (error) {
    throw postgresFault(error, 'the source');
  }
}

export function quoteName(...parts: readonly string[]): string {
  return parts.map((part) => `"${part.replaceAll('"', '""')}"`).join('.');
}

export function quoteText(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

function settings(url: string, options: ConnectOptions): pg.ClientConfig {
  const pinned = Object.entries({ ...PINNED, ...options.settings });
  return {
    connectionString: url,
    application_name: options.applicationName,
    options: pinned.map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`).join(' '),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  };
}
