// The example at work for a benchmark: PostgreSQL, monolith, capture, four services, each a process of its own, with every
// table copied and the stores live.
import { startMachine } from '../../examples/medium/demo/machine.ts';
import { DOMAIN_NAMES, type Environment } from '../../examples/medium/environment.ts';
import { loadConfig } from '../../src/app/load-config.ts';
import { openOperator } from '../../src/app/open-operator.ts';
import type { Operator } from '../../src/app/operator.ts';
import { parseLsn } from '../../src/kernel/lsn.ts';
import { connectPostgres, type PostgresClient, queryText } from '../../src/postgres/connect.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import type { Bench } from './bench.ts';

export interface RunningMedium {
  readonly environment: Environment;
  /** The monolith's database. */
  readonly db: PostgresClient;
  /** The publication of every captured table. */
  readonly publication: string;
  serviceUrl(domain: (typeof DOMAIN_NAMES)[number]): string;
}

/** At scale 1: 2,000 members, 5,000 posts, 100,000 rows of claps. */
export async function startMedium({ held, newPath }: Bench, scale: number): Promise<RunningMedium> {
  const { environment, environmentFile } = held.use(
    await startMachine({
      dataDir: newPath('medium'),
      environmentFile: newPath('environment.json'),
      scale,
      isDefaultPorts: false,
    }),
  );
  process.env.MEDIUM_ENVIRONMENT = environmentFile;
  const config = await loadConfig(
    new URL('../../examples/medium/banyan.config.ts', import.meta.url).pathname,
  );
  const operator = held.use(await openOperator(config));
  await copyEverything(operator);
  const db = await connectPostgres(environment.databaseUrl, { applicationName: 'bench' });
  held.defer(() => db.end());
  await storesAreLive(operator, db);
  return {
    environment,
    db,
    publication: config.source.publication,
    serviceUrl: (domain) => `http://127.0.0.1:${environment.ports[domain]}`,
  };
}

async function copyEverything(operator: Operator): Promise<void> {
  const { signal } = new AbortController();
  for (const domain of DOMAIN_NAMES) {
    for (const to of ['capturing', 'backfilled'] as const) {
      const { outcome } = await operator.promote(domain, { to, signal, waitForGatesMs: 60_000 });
      if (outcome !== 'moved') throw new Error(`${domain} did not get to ${to}`);
    }
  }
}

/** Resolves once every store has what is committed now. */
async function storesAreLive(operator: Operator, db: PostgresClient): Promise<void> {
  const [row] = await queryText(db, 'SELECT pg_current_wal_flush_lsn() AS lsn');
  const wanted = parseLsn(row!.lsn!);
  const { sourceName } = operator.config;
  const areThere = async (): Promise<boolean> =>
    (await operator.status()).domains.every(
      ({ service }) => parseLsn(service?.frontier[sourceName] ?? '0/0') >= wanted,
    );
  if (!(await waitUntil(areThere, { timeoutMs: 60_000 })))
    throw new Error('The stores were not built in time');
}
