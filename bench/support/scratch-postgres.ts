// A real PostgreSQL with nothing in it, and a connection to it, for one benchmark.
import { connectPostgres, type PostgresClient } from '../../src/postgres/connect.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts';
import type { Held } from './held.ts';
import type { ScratchFolder } from './scratch-folder.ts';

export interface ScratchPostgres {
  readonly url: string;
  readonly db: PostgresClient;
}

export async function startPostgres(held: Held, folder: ScratchFolder): Promise<ScratchPostgres> {
  const server: EmbeddedPostgres = await held.take(
    startEmbeddedPostgres({
      dataDir: folder.path('postgres'),
      ephemeral: true,
      settings: { max_wal_size: '4GB' },
    }),
  );
  return { url: server.url(), db: await connect(held, server.url()) };
}

export async function connect(held: Held, url: string): Promise<PostgresClient> {
  const db = await connectPostgres(url, { applicationName: 'bench' });
  await held.take({ [Symbol.asyncDispose]: () => db.end() });
  return db;
}
