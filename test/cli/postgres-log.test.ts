// The logs in a PostgreSQL instead of files: one setting, and everything else as before.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { queryText } from '../../src/postgres/connect.ts';
import { startShop } from './shop-at-work.ts';

test('captured, copied, projected and verified through logs in a database of their own; new logs begin anew', async () => {
  await using shop = await startShop('postgres-log');
  await shop.db.query('CREATE DATABASE logs');
  const url = new URL(shop.env.SHOP_URL!);
  url.pathname = '/logs';
  shop.env.SHOP_LOG_URL = url.href;
  await shop.db.query("INSERT INTO orders SELECT g, 'Ann', g FROM generate_series(1, 300) g");
  await shop.startDev();
  const { code, stdout, stderr } = await shop.run('promote orders --to backfilled');
  assert.equal(code, 0, stdout + stderr);
  await shop.db.query('DELETE FROM orders WHERE id = 7');
  await shop.db.query("INSERT INTO orders VALUES (301, 'Bob', 301)");
  const verified = await shop.run('verify orders');
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  assert.deepEqual(await shop.told(7), ['OrderPlaced', 'OrderCancelled']);
  assert.deepEqual(await shop.told(301), ['OrderPlaced']);
  assert.equal((await shop.run('promote orders')).code, 0);
  assert.equal((await shop.status()).domains[0]!.route.stage, 'shadowing');

  const [tables] = await queryText(
    shop.db,
    "SELECT count(*) AS found FROM pg_tables WHERE schemaname LIKE 'banyan%'",
  );
  assert.equal(tables!.found, '0', "nothing of it is in the monolith's own database");
  assert.equal(existsSync(join(shop.env.SHOP_DATA_DIR!, 'log.db')), false);

  await shop.stopDev();
  await shop.db.query('DROP DATABASE logs WITH (FORCE)');
  await shop.db.query('CREATE DATABASE logs');
  await shop.db.query("SELECT pg_drop_replication_slot('banyan_shop')");
  await shop.db.query('DROP PUBLICATION banyan_shop');
  await shop.startDev();
  assert.equal((await shop.run('promote orders --to backfilled')).code, 0, 'new logs begin anew');
  assert.deepEqual(await shop.told(301), ['OrderPlaced']);
  assert.deepEqual(await shop.told(1), ['OrderPlaced']);

  await shop.stopDev();
  shop.env.SHOP_LOG_URL = 'postgresql://nobody:secret@127.0.0.1:9/logs';
  const refused = await shop.run('status');
  assert.equal(refused.code, 6);
  assert.match(refused.stderr, /LOG_UNREACHABLE/);
  assert.doesNotMatch(refused.stderr, /secret/);
});
