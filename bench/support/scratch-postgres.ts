// A real PostgreSQL with nothing in it, and a connection to it, for one benchmark.
import { connectPostgres, type PostgresClient } from '../../src/postgres/connect.ts';
import { startEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts';
import type { Bench } from './bench.ts';

export interface ScratchPostgres {
  readonly url: string;
  readonly db: PostgresClient;
}

export async function startPostgres({ held, newPath }: Bench): Promise<ScratchPostgres> {
  const dataDir = newPath('postgres');
  const server = held.use(
    await startEmbeddedPostgres({ dataDir, ephemeral: true, settings: { max_wal_size: '4GB' } }),
  );
  const db = await connectPostgres(server.url(), { applicationName: 'bench' });
  held.defer(() => db.end());
  return { url: server.url(), db };
}
