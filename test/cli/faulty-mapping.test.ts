// A mapping that throws and an event that breaks its schema, on a running system: the key is parked and shown, everything
// else goes on, no gate passes over it, and a corrected mapping brings what waited into the log.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, suite, test } from 'node:test';
import { waitUntil } from '../../src/runtime/wait.ts';
import { banyan } from '../support/banyan-process.ts';
import { type ShopAtWork, startShop } from './shop-at-work.ts';

suite('a faulty mapping', () => {
  let shop: ShopAtWork;
  before(async () => {
    shop = await startShop('faulty-mapping');
    shop.env.SHOP_MAPPING = 'broken';
    await shop.db.query("INSERT INTO orders VALUES (1, 'Ann', 10), (2, 'Nobody', 20), (3, 'Numberless', 30)");
  });
  after(async () => {
    await shop?.[Symbol.asyncDispose]();
  });

  test('its keys are parked with the reason, and the others go on', async () => {
    await shop.startDev();
    const moved = await shop.run('promote orders --to backfilled');
    assert.equal(moved.code, 0, moved.stderr);
    await shop.db.query("INSERT INTO orders VALUES (4, 'Bob', 40), (5, 'Nobody', 50)");
    await shop.db.query('DELETE FROM orders WHERE id = 5');
    const parked = await waitUntil(
      async () => {
        const { capture } = await shop.status();
        return capture?.parked.length === 3 && (await shop.told(4)).length > 0 ? capture.parked : undefined;
      },
      { timeoutMs: 30_000 },
    );
    const byKey = Object.fromEntries((parked ?? []).map(({ key, ...rest }) => [key, rest]));
    assert.deepEqual(byKey, {
      '["2"]': { table: 'orders', error: 'an order needs a customer', waiting: 0 },
      '["3"]': { table: 'orders', error: 'OrderPlaced does not fit its schema at `customer`', waiting: 0 },
      '["5"]': { table: 'orders', error: 'an order needs a customer', waiting: 1 },
    });
    assert.deepEqual(
      [await shop.told(1), await shop.told(4), await shop.told(2)],
      [['OrderPlaced'], ['OrderPlaced'], []],
    );
  });

  test('no gate passes over parked keys: exit 3, with how many, where and why', async () => {
    const { code, stdout } = await shop.run('promote orders');
    assert.equal(code, 3);
    assert.match(stdout, /orders stays backfilled: 1 gate is not met/);
    assert.match(
      stdout,
      /✗ nothing is parked +3 keys, 0 streams; orders: (an order needs a customer|OrderPlaced does not fit)/,
    );
    assert.equal((await shop.status()).domains[0]!.route.stage, 'backfilled');
  });

  test('corrected, it tells what waited, in order and once, and the stage is open', async () => {
    await shop.stopDev();
    shop.env.SHOP_MAPPING = 'good';
    await shop.startDev();
    const isFree = await waitUntil(async () => (await shop.status()).capture?.parked.length === 0, {
      timeoutMs: 30_000,
    });
    assert.ok(isFree, 'nothing is parked any more');
    assert.deepEqual(await Promise.all([1, 2, 3, 4, 5].map(shop.told)), [
      ['OrderPlaced'],
      ['OrderPlaced'],
      ['OrderPlaced'],
      ['OrderPlaced'],
      ['OrderPlaced', 'OrderCancelled'],
    ]);
    const moved = await shop.run('promote orders --wait --timeout 30s');
    assert.equal(moved.code, 0, moved.stdout + moved.stderr);
    const verified = await shop.run('verify orders');
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    assert.match(verified.stdout, /orders: \d+ rows compared at .* 0 differ/);
  });

  test('Ctrl-C while waiting is exit 130, time over is exit 5; neither moves anything', async () => {
    const waiting = banyan(['promote', 'orders', '--wait'], shop.env);
    const [said] = await once(waiting.child.stderr!, 'data');
    assert.match(String(said), /orders waits for its gates[\s\S]*answers agree/);
    waiting.child.kill('SIGINT');
    assert.equal((await waiting.ended).code, 130);
    assert.equal((await shop.run('status orders --wait reading --timeout 200ms')).code, 5);
    assert.equal((await shop.status()).domains[0]!.route.stage, 'shadowing');
  });
});
