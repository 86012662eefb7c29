// The connection pool, transactions, and the creation of the schema.
import { readFile } from 'node:fs/promises';
import { Client, Pool, type PoolClient } from 'pg';

/** Where a statement may run: the pool (its own transaction) or a client inside one. */
export type Queryable = Pick<Pool, 'query'> | Pick<PoolClient, 'query'>;

export function openPool(databaseUrl: string, poolSize: number): Pool {
  const pool = new Pool({
    connectionString: databaseUrl,
    max: poolSize,
    application_name: 'medium-monolith',
  });
  // An idle connection that the server ends is replaced on the next query; unhandled, it would end the process.
  pool.on('error', (error) => {
    if (!pool.ending) console.error(`database: ${error.message}`);
  });
  return pool;
}

/** Runs `work` in one transaction; resolves only once it is committed. */
export async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => {
      broken = failure;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Creates the tables where there are none; true when it did. Safe when several processes start at once. */
export async function migrate(databaseUrl: string): Promise<boolean> {
  const schema = await readFile(new URL('schema.sql', import.meta.url), 'utf8');
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('begin');
    await client.query(`select pg_advisory_xact_lock(hashtext('medium schema'))`);
    const { rows } = await client.query<{ present: boolean }>(
      `select to_regclass('members') is not null as present`,
    );
    if (!rows[0]?.present) await client.query(schema);
    await client.query('commit');
    return !rows[0]?.present;
  } finally {
    await client.end();
  }
}
