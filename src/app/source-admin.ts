// The migration's hand at a PostgreSQL source.
import { inspectSource } from '../capture/postgres/doctor.ts';
import { fence } from '../capture/postgres/fence.ts';
import { flushWal } from '../capture/postgres/flush-wal.ts';
import { openSource } from '../capture/postgres/open-source.ts';
import { addTables, dropTables } from '../capture/postgres/publication.ts';
import type { EventStore } from '../event-store/event-store.ts';
import type { SourceAdmin } from '../migration/ports.ts';
import { connectPostgres, type PostgresClient } from '../postgres/connect.ts';
import type { Config } from './config.ts';

const FENCE_TIMEOUT_MS = 60_000;

export function postgresSourceAdmin(config: Config, changeLog: EventStore): SourceAdmin {
  const { url, slot, publication } = config.source;
  const { source } = config.domains[0]!.capture;
  const namesOf = (tables: readonly string[]): { schema: string; table: string }[] =>
    tables.map((name) => ({ schema: source.tables[name]!.schema, table: source.tables[name]!.table }));
  const connected = async <T>(work: (client: PostgresClient) => Promise<T>): Promise<T> => {
    const settings = { synchronous_commit: 'local' };
    const client = await connectPostgres(url, { applicationName: 'banyan operator', settings });
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  };
  return {
    async open() {
      await openSource({ name: config.sourceName, url, slot, publication, changeLog });
    },
    publish: (tables, { signal, onWaiting }) =>
      connected(async (client) => {
        await addTables(client, publication, namesOf(tables));
        await fence(client, { timeoutMs: FENCE_TIMEOUT_MS, signal, onWaiting });
      }),
    withdraw: (tables) => connected((client) => dropTables(client, publication, namesOf(tables))),
    async obstacles(tables) {
      const findings = await inspectSource({ url, slot, source, tables });
      return findings.filter(({ level }) => level === 'blocking').map(({ what }) => what);
    },
    flushedLsn: () => connected(flushWal),
  };
}
