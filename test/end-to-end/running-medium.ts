// The whole example at work, for tests: every role a process of its own, visitors who check what they are told, and the
// operator that the command line uses.
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Machine, startMachine } from '../../examples/medium/demo/machine.ts';
import { moveReads, type Narrator, type Told } from '../../examples/medium/demo/story.ts';
import type { DomainName } from '../../examples/medium/environment.ts';
import { memberIdentity, seedCounts } from '../../examples/medium/monolith/seed/rows.ts';
import { SEED_PASSWORD } from '../../examples/medium/monolith/seed.ts';
import { startTraffic } from '../../examples/medium/traffic/traffic.ts';
import type { TrafficStats } from '../../examples/medium/traffic/traffic-record.ts';
import type { Config } from '../../src/app/config.ts';
import { loadConfig } from '../../src/app/load-config.ts';
import { openOperator } from '../../src/app/open-operator.ts';
import type { Operator } from '../../src/app/operator.ts';
import type { ServiceStatus } from '../../src/control/role-status.ts';
import { parseLsn } from '../../src/kernel/lsn.ts';
import { connectPostgres, type PostgresClient, queryText } from '../../src/postgres/connect.ts';
import { waitUntil } from '../../src/runtime/wait.ts';

export const quiet: Narrator = { heading: () => undefined, line: () => undefined, copy: () => undefined };
export const never = new AbortController().signal;

const SCALE = 0.05;

export interface Page {
  readonly status: number;
  /** `monolith` or `service`; empty where the monolith answered by itself. */
  readonly side: string;
  readonly body: string;
}

export interface RunningMedium extends AsyncDisposable {
  readonly machine: Machine;
  readonly config: Config;
  readonly operator: Operator;
  /** The monolith's database. */
  readonly db: PostgresClient;
  /** Lets visitors come and go until `work` is done and `requests` were made; answers what they met. */
  underTraffic<T>(
    requests: number,
    work: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly seen: TrafficStats }>;
  moveReads(): Promise<Told>;
  /** Through the gateway, or from `base`. */
  get(path: string, options?: { readonly base?: string; readonly token?: string }): Promise<Page>;
  /** A seeded member's bearer token. */
  logIn(memberId: number): Promise<string>;
  serviceStatus(domain: DomainName): Promise<ServiceStatus>;
  /** Resolves when everything that is committed now is in every store. */
  settled(): Promise<void>;
}

export async function startMedium(name: string): Promise<RunningMedium> {
  const dataDir = resolve(import.meta.dirname, '../../.data/test', `${name}-${process.pid}`);
  const machine = await startMachine({
    dataDir,
    environmentFile: join(dataDir, 'environment.json'),
    scale: SCALE,
    isDefaultPorts: false,
  });
  process.env.MEDIUM_ENVIRONMENT = machine.environmentFile;
  const config = await loadConfig(resolve(import.meta.dirname, '../../examples/medium/banyan.config.ts'));
  const operator = await openOperator(config);
  const db = await connectPostgres(machine.environment.databaseUrl, { applicationName: 'test' });
  let visits = 0;

  const serviceStatus = async (domain: DomainName): Promise<ServiceStatus> => {
    const status = (await operator.status()).domains.find((known) => known.domain === domain)?.service;
    if (!status) throw new Error(`The service ${domain} does not answer`);
    return status;
  };
  return {
    machine,
    config,
    operator,
    db,
    serviceStatus,
    async underTraffic(requests, work) {
      visits += 1;
      await using traffic = startTraffic({
        baseUrl: machine.gatewayUrl,
        ...{ readers: 8, writers: 3, clappers: 4, requestsPerSecond: 120, seed: visits },
        members: seedCounts(SCALE).members,
      });
      const result = await work();
      const isThere = await waitUntil(() => traffic.stats().requestsTotal >= requests, {
        ...{ timeoutMs: 120_000, everyMs: 20 },
      });
      if (!isThere) throw new Error(`Only ${traffic.stats().requestsTotal} requests were made`);
      return { result, seen: await traffic.stop() };
    },
    moveReads: () => moveReads(operator, quiet, never),
    async get(path, { base = machine.gatewayUrl, token } = {}) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const response = await fetch(base + path, { headers });
      const side = response.headers.get('banyan-side') ?? '';
      return { status: response.status, side, body: await response.text() };
    },
    async logIn(memberId) {
      const response = await fetch(`${machine.environment.monolithUrl}/api/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ login: memberIdentity(memberId).handle, password: SEED_PASSWORD }),
      });
      return ((await response.json()) as { token: string }).token;
    },
    async settled() {
      const [row] = await queryText(db, 'SELECT pg_current_wal_insert_lsn() AS lsn');
      const wanted = parseLsn(row!.lsn!);
      const isThere = await waitUntil(
        async () =>
          (await operator.status()).domains.every(
            ({ service }) => parseLsn(service?.frontier[config.sourceName] ?? '0/0') >= wanted,
          ),
        { timeoutMs: 60_000, everyMs: 20 },
      );
      if (!isThere) throw new Error(`Some store never reached ${row!.lsn}`);
    },
    async [Symbol.asyncDispose]() {
      await operator[Symbol.asyncDispose]();
      await db.end();
      await machine[Symbol.asyncDispose]();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
