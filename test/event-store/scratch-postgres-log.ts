// A PostgreSQL server for one test file, and in it a log of its own for each test, gone with it.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after } from 'node:test';
import type { EventStore } from '../../src/event-store/event-store.ts';
import {
  openPostgresEventStore,
  type PostgresEventStoreOptions,
} from '../../src/event-store/postgres/postgres-event-store.ts';
import { connectPostgres, type PostgresClient } from '../../src/postgres/connect.ts';
import type { LogUnderTest } from '../../src/testing/contract/event-store.ts';
import {
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from '../../src/testing/embedded-postgres.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

export interface ScratchPostgresLog extends LogUnderTest {
  readonly url: string;
  readonly schema: string;
  open(options?: Partial<PostgresEventStoreOptions>): Promise<EventStore>;
}

export interface ScratchPostgresServer {
  readonly server: EmbeddedPostgres;
  /** An empty schema name in `database`; the log is made when it is first opened. */
  newLog(database?: string): ScratchPostgresLog;
  /** A connection of the superuser, closed when the file's tests have ended. */
  connect(database?: string): Promise<PostgresClient>;
}

/** Starts it; it is stopped when the tests of the file have ended. */
export async function scratchPostgresServer(
  options: Partial<EmbeddedPostgresOptions> = {},
): Promise<ScratchPostgresServer> {
  const folder = scratchFolder('event-store-postgres');
  const server = await startEmbeddedPostgres({
    dataDir: join(folder, 'postgres'),
    ephemeral: true,
    ...options,
  });
  const clients: PostgresClient[] = [];
  after(async () => {
    for (const client of clients) await client.end();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const connect = async (database?: string): Promise<PostgresClient> => {
    const client = await connectPostgres(server.url(database), { applicationName: 'test' });
    clients.push(client);
    return client;
  };
  const admin = await connect();
  // A test that failed amid a transaction must not hang in giving its log back.
  await admin.query("SET lock_timeout = '5s'");
  let logs = 0;
  return {
    server,
    connect,
    newLog(database) {
      logs += 1;
      const schema = `log_${logs}`;
      const url = server.url(database);
      return {
        url,
        schema,
        open: (overrides) => openPostgresEventStore({ url, schema, ...overrides }),
        async [Symbol.asyncDispose]() {
          if (database === undefined) await admin.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
        },
      };
    },
  };
}
