// Connections to the log: a bounded pool on which every query has its fault translated, and the settings that the log's
// guarantees rest on.
import { type ConnectOptions, createPool, type PostgresPool } from '../../postgres/connect.ts';
import { addressOf } from '../../postgres/fault.ts';
import type { Log } from '../../runtime/log.ts';
import type { LogIdentity } from '../event-store.ts';
import { logFault } from './log-fault.ts';
import type { LogNames } from './log-names.ts';
import { prepareSchema } from './schema.ts';

/** How long an append waits for the lock of another one before it gives up. */
const LOCK_TIMEOUT = '5s';
const ANSWER_TIMEOUT_MS = 60_000;

export const LOG_SESSION: ConnectOptions = {
  applicationName: 'banyan log',
  settings: {
    // A role may have been given another level, and then a reader's three statements would share one snapshot.
    default_transaction_isolation: 'read committed',
    lock_timeout: LOCK_TIMEOUT,
    // Every name is written in full; no function of a user's stands in for one of the server's.
    search_path: 'pg_catalog',
  },
};

const INT8 = 20;
const INT4 = 23;
const INT8_ARRAY = 1016;

/** Numbers as numbers (positions stay below 2^53), everything else as the text it came in. */
const TYPES = {
  getTypeParser: (type: number) => (text: string) =>
    type === INT8 || type === INT4
      ? Number(text)
      : type === INT8_ARRAY
        ? text.slice(1, -1).split(',').filter(Boolean).map(Number)
        : text,
};

export interface Statement {
  /** Prepared under this name, once a connection. */
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

export class LogConnection {
  /** Where the log is, for a person. */
  readonly at: string;
  readonly #pool: PostgresPool;

  constructor(url: string, { name }: LogNames, size: number) {
    this.at = `${addressOf(url)}, schema ${name}`;
    this.#pool = createPool(url, { ...LOG_SESSION, size, answerTimeoutMs: ANSWER_TIMEOUT_MS });
  }

  async prepare(names: LogNames, log: Log | undefined): Promise<LogIdentity> {
    return await this.#translated(async () => {
      const client = await this.#pool.connect();
      try {
        return await prepareSchema(client, names, this.at, log);
      } finally {
        client.release();
      }
    });
  }

  /** Rows as arrays in column order. */
  query<R>(statement: Statement): Promise<readonly R[]> {
    return this.#translated(() => this.run<R>(statement));
  }

  /** The same with the driver's own errors. */
  async run<R>({ name, text, values }: Statement): Promise<readonly R[]> {
    const { rows } = await this.#pool.query({
      name,
      text,
      values: [...values],
      types: TYPES,
      rowMode: 'array',
    });
    return rows as R[];
  }

  /** Resolves once every query has its answer. */
  close(): Promise<void> {
    return this.#pool.end();
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw logFault(error, this.at);
    }
  }
}
