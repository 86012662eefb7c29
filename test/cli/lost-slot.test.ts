// A replication slot that is gone took changes with it: capture says so and stops, and the way back that it names works.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startShop } from './shop-at-work.ts';

test('after a slot was dropped, rolling back and promoting again brings in what was missed', async () => {
  await using shop = await startShop('lost-slot');
  await shop.db.query("INSERT INTO orders SELECT g, 'Ann', g FROM generate_series(1, 50) g");
  await shop.startDev();
  assert.equal((await shop.run('promote orders --to backfilled')).code, 0);
  await shop.stopDev();
  await shop.db.query("SELECT pg_drop_replication_slot('banyan_shop')");
  await shop.db.query("INSERT INTO orders VALUES (51, 'Bob', 51)");
  await shop.db.query('DELETE FROM orders WHERE id = 7');

  const ended = await shop.devEnds();
  assert.equal(ended.code, 3);
  assert.match(ended.stderr, /error SLOT_MISSING: .*\n.*banyan_shop/);
  assert.match(ended.stderr, /do .*Roll every captured domain back to `mapped`/);
  const early = await shop.run('backfill orders');
  assert.equal(early.code, 3, 'a copy without a slot would miss changes');
  assert.match(early.stderr, /SLOT_MISSING/);

  assert.equal((await shop.run('rollback orders --to mapped')).code, 0);
  assert.equal((await shop.run('promote orders --to capturing')).code, 0);
  await shop.startDev();
  const { code, stdout, stderr } = await shop.run('promote orders --to backfilled');
  assert.equal(code, 0, stdout + stderr);
  assert.deepEqual(await shop.told(51), ['OrderPlaced']);
  assert.deepEqual(await shop.told(7), ['OrderPlaced', 'OrderCancelled']);
  assert.deepEqual(await shop.told(1), ['OrderPlaced']);
  await shop.db.query("INSERT INTO orders VALUES (52, 'Cid', 52)");
  const verified = await shop.run('verify orders');
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  assert.deepEqual(await shop.told(52), ['OrderPlaced']);
});
