// The server crashes and comes back while capture streams: capture reconnects by itself, what was committed is there once,
// and what was not is not.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseLsn } from '../../src/kernel/lsn.ts';
import { connectPostgres } from '../../src/postgres/connect.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { startEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts';
import { reached, startCapturedSource } from '../support/captured-source.ts';

test('a server that crashes while capture streams costs nothing but time', async () => {
  await using source = await startCapturedSource('server-restart', { isDurable: true });
  await source.query('CREATE TABLE items (id int PRIMARY KEY)');
  await source.publish('items');
  const running = source.start();
  const committed: number[] = [];
  let isGone = false;
  const writing = (async () => {
    for (let id = 1; !isGone; id += 1) {
      await source.query('INSERT INTO items VALUES ($1)', [id]);
      committed.push(id);
    }
  })().catch(() => undefined);
  const open = await connectPostgres(source.target.url, { applicationName: 'open' });
  await open.query('BEGIN');
  await open.query('INSERT INTO items VALUES (-1)');
  assert.ok(await waitUntil(async () => (await source.transactions()).length > 50, { timeoutMs: 20_000 }));
  await source.postgres.crash();
  isGone = true;
  await writing;
  assert.ok(await waitUntil(() => running.states.includes('reconnecting'), { timeoutMs: 20_000 }));

  await using server = await startEmbeddedPostgres({
    dataDir: join(source.folder, 'postgres'),
    port: source.postgres.port,
  });
  const db = await connectPostgres(server.url(), { applicationName: 'test' });
  await db.query('INSERT INTO items VALUES (1000000)');
  const { rows } = await db.query('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  await reached(source.changeLog, 'captured', parseLsn((rows as [{ lsn: string }])[0].lsn));
  const table = await db.query('SELECT id FROM items ORDER BY id');
  await db.end();
  await open.end().catch(() => undefined);

  const logged = (await source.transactions()).flatMap(({ changes }) =>
    changes.map((change) => (change.op === 'insert' ? Number(change.row[0]) : Number.NaN)),
  );
  assert.deepEqual(
    logged,
    table.rows.map(({ id }: { id: number }) => Number(id)),
  );
  assert.deepEqual(logged.slice(0, committed.length), committed);
  assert.equal(logged.at(-1), 1_000_000);
  await running.stop();
});
