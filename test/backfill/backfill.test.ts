// The backfill against a real PostgreSQL: existing rows and live changes merge into one true history per row.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { BackfillProgress } from '../../src/backfill/backfill.ts';
import { connectPostgres } from '../../src/postgres/connect.ts';
import {
  assertFoldEqualsTable,
  type CapturedDatabase,
  startCapturedDatabase,
} from '../support/captured-database.ts';

test('rows that were there become events while writers change, delete and insert rows', async () => {
  await using database = await startCapturedDatabase('backfill-writers');
  const size = 3_000;
  // Notes that TOAST, so that updates leave them out of the stream.
  await database.query(
    `INSERT INTO accounts SELECT g, 'owner ' || g, 0, (SELECT string_agg(md5(g::text || i::text), '') FROM generate_series(1, 100) i) FROM generate_series(1, $1::int) g`,
    [size],
  );
  await database.openTable(1);
  const running = database.start();
  const stop = new AbortController();
  const writers = [1, 2, 3].map(async (seed) => {
    const client = await connectPostgres(database.postgres.url(), { applicationName: 'writer' });
    let random = seed;
    const next = (below: number): number => {
      random = (random * 48_271) % 2_147_483_647;
      return random % below;
    };
    for (let round = 0; !stop.signal.aborted; round += 1) {
      const id = 1 + next(size);
      const kind = next(10);
      if (kind < 7) await client.query('UPDATE accounts SET balance = balance + 1 WHERE id = $1', [id]);
      else if (kind < 8) await client.query('DELETE FROM accounts WHERE id = $1', [id]);
      else if (kind < 9) {
        await client.query(
          'INSERT INTO accounts VALUES ($1, $2, 7, $3) ON CONFLICT (id) DO UPDATE SET owner = excluded.owner',
          [id, `again ${round}`, 'n'],
        );
      } else
        await client.query('INSERT INTO accounts VALUES ($1, $2, 1, NULL)', [
          size + seed * 1_000_000 + round,
          'new',
        ]);
    }
    await client.end();
  });
  const progress: BackfillProgress[] = [];
  const rows = await database.backfill({
    limits: { chunkBytes: 1_000_000 },
    onProgress: (one) => progress.push(one),
  });
  stop.abort();
  await Promise.all(writers);
  assert.ok(rows > size / 2, `${rows} rows copied`);
  assert.ok(progress.length > 3 && progress.at(-1)!.isDone);
  await assertFoldEqualsTable(database);
  await running.stop();
});

describe('one row in a backfill that has only begun', () => {
  let database: CapturedDatabase;
  before(async () => {
    database = await startCapturedDatabase('backfill-row');
  });
  after(async () => {
    await database[Symbol.asyncDispose]();
  });

  test('an empty table is done at once', async () => {
    await database.openTable(1);
    database.start();
    assert.equal(await database.backfill(), 0);
    await assertFoldEqualsTable(database);
  });

  test('rows of a table that is copied already follow live', async () => {
    await database.query("INSERT INTO accounts VALUES (1, 'a', 1, 'x'), (2, 'b', 2, NULL)");
    await database.query('UPDATE accounts SET balance = 5 WHERE id = 1');
    await database.query('DELETE FROM accounts WHERE id = 2');
    await database.query('UPDATE accounts SET id = 3 WHERE id = 1');
    await assertFoldEqualsTable(database);
  });

  test('a second generation reconciles what happened while nobody watched', async () => {
    await database.query('ALTER PUBLICATION bank DROP TABLE accounts');
    await database.query("INSERT INTO accounts VALUES (10, 'gap', 1, NULL)");
    await database.query('UPDATE accounts SET balance = 77 WHERE id = 3');
    await database.caughtUp();
    await database.openTable(2);
    await database.query("INSERT INTO accounts VALUES (11, 'after', 1, NULL)");
    await database.backfill();
    await assertFoldEqualsTable(database);
    await database.query('DELETE FROM accounts WHERE id = 3');
    await assertFoldEqualsTable(database);
  });
});
