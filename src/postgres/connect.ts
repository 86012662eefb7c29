// Connections to PostgreSQL. Every one has the same pinned settings, so that a value has one text, whether it came through
// the write-ahead log or through a SELECT.
import pg from 'pg';
import { addressOf, postgresFault } from './fault.ts';

export type PostgresClient = pg.Client;
export type PostgresPool = pg.Pool;

const PINNED = [
  ['datestyle', 'ISO'],
  ['timezone', 'UTC'],
  ['intervalstyle', 'postgres'],
  ['extra_float_digits', '1'],
  ['bytea_output', 'hex'],
  ['client_encoding', 'UTF8'],
]
  .map(([name, value]) => `-c ${name}=${value}`)
  .join(' ');

/** Values stay the text that the server sent: no shifted dates, no rounded numbers. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

const CONNECT_TIMEOUT_MS = 10_000;

export interface ConnectOptions {
  readonly applicationName: string;
  /** Speak the replication protocol, for one database. */
  readonly isReplication?: boolean;
}

/** One connection, open. Rejects with SOURCE_UNREACHABLE. */
export async function connectPostgres(url: string, options: ConnectOptions): Promise<PostgresClient> {
  const client = new pg.Client({
    ...settings(url, options.applicationName),
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
export function createPool(url: string, options: ConnectOptions & { readonly size: number }): PostgresPool {
  const pool = new pg.Pool({ ...settings(url, options.applicationName), max: options.size });
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

function settings(url: string, applicationName: string): pg.ClientConfig {
  return {
    connectionString: url,
    application_name: applicationName,
    options: PINNED,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  };
}
