// A mapping that throws and an event that breaks its schema, on a running system: the key is parked and shown, everything
// else goes on, no gate passes over it, and a corrected mapping brings what waited into the log.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { SystemStatus } from '../../src/app/system-status.ts';
import { connectPostgres, type PostgresClient } from '../../src/postgres/connect.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts';
import { banyan, type Ended, freePorts } from '../support/banyan-process.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

suite('a faulty mapping', () => {
  let folder: string;
  let postgres: EmbeddedPostgres;
  let db: PostgresClient;
  let env: Record<string, string>;
  let dev: ReturnType<typeof banyan> | undefined;

  before(async () => {
    folder = scratchFolder('faulty-mapping');
    postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), ephemeral: true });
    db = await connectPostgres(postgres.url(), { applicationName: 'test' });
    await db.query('CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL, total int NOT NULL)');
    await db.query("INSERT INTO orders VALUES (1, 'Ann', 10), (2, 'Nobody', 20), (3, 'Numberless', 30)");
    env = {
      SHOP_URL: postgres.url(),
      SHOP_DATA_DIR: join(folder, 'data'),
      SHOP_PORT: String(await freePorts()),
      SHOP_MAPPING: 'broken',
    };
  });
  after(async () => {
    await stopDev();
    await db?.end();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (words: string): Promise<Ended> => banyan(words.split(' '), env).ended;
  const status = async (): Promise<SystemStatus> =>
    (JSON.parse((await run('status --json')).stdout) as { data: SystemStatus }).data;

  async function startDev(): Promise<void> {
    dev = banyan(['dev'], env);
    const isUp = await waitUntil(async () => (await status()).gateway !== null, { timeoutMs: 30_000 });
    assert.ok(isUp, 'every role is up');
  }

  async function stopDev(): Promise<void> {
    dev?.child.kill('SIGTERM');
    const ended = await dev?.ended;
    dev = undefined;
    if (ended) assert.equal(ended.code, 0, ended.stderr);
  }

  async function told(order: number): Promise<readonly string[]> {
    const { stdout } = await run(`events stream order-${order} --json`);
    const lines = stdout.split('\n').filter(Boolean);
    return lines.map((line) => (JSON.parse(line) as { readonly type: string }).type);
  }

  test('its keys are parked with the reason, and the others go on', async () => {
    await startDev();
    const moved = await run('promote orders --to backfilled');
    assert.equal(moved.code, 0, moved.stderr);
    await db.query("INSERT INTO orders VALUES (4, 'Bob', 40), (5, 'Nobody', 50)");
    await db.query('DELETE FROM orders WHERE id = 5');
    const parked = await waitUntil(
      async () => {
        const { capture } = await status();
        return capture?.parked.length === 3 && (await told(4)).length > 0 ? capture.parked : undefined;
      },
      { timeoutMs: 30_000 },
    );
    const byKey = Object.fromEntries((parked ?? []).map(({ key, ...rest }) => [key, rest]));
    assert.deepEqual(byKey, {
      '["2"]': { table: 'orders', error: 'an order needs a customer', waiting: 0 },
      '["3"]': { table: 'orders', error: 'OrderPlaced does not fit its schema at `customer`', waiting: 0 },
      '["5"]': { table: 'orders', error: 'an order needs a customer', waiting: 1 },
    });
    assert.deepEqual([await told(1), await told(4), await told(2)], [['OrderPlaced'], ['OrderPlaced'], []]);
  });

  test('no gate passes over parked keys: exit 3, with how many, where and why', async () => {
    const { code, stdout } = await run('promote orders');
    assert.equal(code, 3);
    assert.match(stdout, /orders stays backfilled: 1 gate is not met/);
    assert.match(
      stdout,
      /✗ nothing is parked +3 keys, of orders: (an order needs a customer|OrderPlaced does not fit)/,
    );
    assert.equal((await status()).domains[0]!.route.stage, 'backfilled');
  });

  test('corrected, it tells what waited, in order and once, and the stage is open', async () => {
    await stopDev();
    env.SHOP_MAPPING = 'good';
    await startDev();
    const isFree = await waitUntil(async () => (await status()).capture?.parked.length === 0, {
      timeoutMs: 30_000,
    });
    assert.ok(isFree, 'nothing is parked any more');
    assert.deepEqual(await Promise.all([1, 2, 3, 4, 5].map(told)), [
      ['OrderPlaced'],
      ['OrderPlaced'],
      ['OrderPlaced'],
      ['OrderPlaced'],
      ['OrderPlaced', 'OrderCancelled'],
    ]);
    const moved = await run('promote orders --wait --timeout 30s');
    assert.equal(moved.code, 0, moved.stdout + moved.stderr);
    const verified = await run('verify orders');
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    assert.match(verified.stdout, /orders: \d+ rows compared at .* 0 differ/);
  });

  test('Ctrl-C while waiting is exit 130, time over is exit 5; neither moves anything', async () => {
    const waiting = banyan(['promote', 'orders', '--wait'], env);
    const [said] = await once(waiting.child.stderr!, 'data');
    assert.match(String(said), /orders waits for its gates[\s\S]*answers agree/);
    waiting.child.kill('SIGINT');
    assert.equal((await waiting.ended).code, 130);
    assert.equal((await run('status orders --wait reading --timeout 200ms')).code, 5);
    assert.equal((await status()).domains[0]!.route.stage, 'shadowing');
  });
});
