// `banyan parked`: a stream whose event the projection cannot apply is listed, shown, tried again and skipped, while the
// service goes on; a mended handler frees it by itself.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { waitUntil } from '../../src/runtime/wait.ts';
import { type ShopAtWork, startShop } from './shop-at-work.ts';

suite('a parked stream', () => {
  let shop: ShopAtWork;
  before(async () => {
    shop = await startShop('parked');
    shop.env.SHOP_HANDLER = 'picky';
    await shop.db.query("INSERT INTO orders VALUES (1, 'Ann', 10), (2, 'Eve', 20), (3, 'Eve', 30)");
    await shop.startDev();
    const { code, stderr } = await shop.run('promote orders --to backfilled');
    assert.equal(code, 0, stderr);
  });
  after(async () => {
    await shop?.[Symbol.asyncDispose]();
  });

  const parkedStreams = async (): Promise<readonly string[]> =>
    (await shop.status()).domains[0]!.service!.parked.map(({ stream }) => stream);

  test('is listed with its reason, exit 4; nothing else is held up, and no gate passes over it', async () => {
    assert.ok(await waitUntil(async () => (await parkedStreams()).length === 2, { timeoutMs: 20_000 }));
    await shop.db.query("INSERT INTO orders VALUES (4, 'Bob', 40)");
    await shop.db.query('DELETE FROM orders WHERE id = 2');
    const isBehind = async (): Promise<boolean> =>
      (await shop.status()).domains[0]!.service!.parked.some(({ waiting }) => waiting === 1);
    assert.ok(await waitUntil(isBehind, { timeoutMs: 20_000 }));
    const { code, stdout } = await shop.run('parked list');
    assert.equal(code, 4);
    assert.match(stdout, /^orders {2}order-2 {2}the handler threw TypeError.* \(1 behind it\)$/m);
    assert.match(stdout, /^orders {2}order-3 .* \(0 behind it\)$/m);
    assert.doesNotMatch(stdout, /Eve/);
    const { lagEvents } = (await shop.status()).domains[0]!.service!;
    assert.equal(lagEvents, 0);
    const refused = await shop.run('promote orders');
    assert.equal(refused.code, 3);
    assert.match(
      refused.stdout,
      /✗ nothing is parked +0 keys, 2 streams; order-[23]: .* {3}banyan parked list orders/,
    );
  });

  test('is shown with the events that wait; one that is not parked is refused', async () => {
    const { code, stdout, stderr } = await shop.run('parked show orders order-2');
    assert.equal(code, 0);
    assert.match(stderr, /order-2 stands at version 1, OrderPlaced: the handler threw TypeError/);
    assert.match(stdout, /OrderPlaced[\s\S]*OrderCancelled/);
    const refused = await shop.run('parked show orders order-1');
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /order-1 is not parked in orders/);
  });

  test('stays parked when it is tried again too early, exit 4', async () => {
    const { code, stdout } = await shop.run('parked retry orders');
    assert.equal(code, 4);
    assert.match(stdout, /2 streams are parked still/);
  });

  test('goes on behind an event that is skipped', async () => {
    const { code, stdout } = await shop.run('parked skip orders order-2');
    assert.equal(code, 0);
    assert.match(stdout, /OrderPlaced at version 1 of order-2 is left out/);
    assert.deepEqual(await parkedStreams(), ['order-3']);
    assert.equal((await shop.run('parked skip orders order-2')).code, 3);
  });

  test('is free once the service starts with a mended handler', async () => {
    await shop.stopDev();
    shop.env.SHOP_HANDLER = 'good';
    await shop.startDev();
    assert.ok(await waitUntil(async () => (await parkedStreams()).length === 0, { timeoutMs: 20_000 }));
    const list = await shop.run('parked list orders');
    assert.deepEqual([list.code, list.stdout.trim()], [0, 'nothing is parked']);
    const verified = await shop.run('verify orders');
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  });
});
