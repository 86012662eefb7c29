// The shop on a real PostgreSQL, with `banyan dev` that a test starts and stops, and the command as its user runs it.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { SystemStatus } from '../../src/app/system-status.ts';
import { connectPostgres, type PostgresClient } from '../../src/postgres/connect.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { startEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts';
import { banyan, type Ended, freePorts } from '../support/banyan-process.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

export interface ShopAtWork extends AsyncDisposable {
  readonly db: PostgresClient;
  /** Of every process that is started from now on. */
  readonly env: Record<string, string>;
  run(words: string): Promise<Ended>;
  status(): Promise<SystemStatus>;
  /** Every role in one process; resolves when all are up. */
  startDev(): Promise<void>;
  /** The same, where it is expected to end by itself. */
  devEnds(): Promise<Ended>;
  stopDev(): Promise<void>;
  /** Types of the events of one order. */
  told(order: number): Promise<readonly string[]>;
}

export async function startShop(name: string): Promise<ShopAtWork> {
  const folder = scratchFolder(name);
  const postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), ephemeral: true });
  const db = await connectPostgres(postgres.url(), { applicationName: 'test' });
  await db.query('CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL, total int NOT NULL)');
  const port = await freePorts();
  const env: Record<string, string> = {
    ...{ SHOP_URL: postgres.url(), SHOP_DATA_DIR: join(folder, 'data'), SHOP_PORT: String(port) },
  };
  let dev: ReturnType<typeof banyan> | undefined;
  const shop: ShopAtWork = {
    db,
    env,
    run: (words) => banyan(words.split(' '), env).ended,
    async status() {
      const { stdout, stderr } = await shop.run('status --json');
      const { ok, data } = JSON.parse(stdout) as { readonly ok: boolean; readonly data: SystemStatus };
      assert.ok(ok, stdout + stderr);
      return data;
    },
    async startDev() {
      dev = banyan(['dev'], env);
      const isUp = await waitUntil(async () => (await shop.status()).gateway !== null, { timeoutMs: 30_000 });
      assert.ok(isUp, 'every role is up');
    },
    devEnds: () => banyan(['dev'], env).ended,
    async stopDev() {
      dev?.child.kill('SIGTERM');
      const ended = await dev?.ended;
      dev = undefined;
      if (ended) assert.equal(ended.code, 0, ended.stderr);
    },
    async told(order) {
      const { stdout } = await shop.run(`events stream order-${order} --json`);
      const lines = stdout.split('\n').filter(Boolean);
      return lines.map((line) => (JSON.parse(line) as { readonly type: string }).type);
    },
    async [Symbol.asyncDispose]() {
      await shop.stopDev();
      await db.end();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return shop;
}
