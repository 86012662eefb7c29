// A copy that is stopped, started twice, held back or not allowed: nothing is read again that is there, and it says why.
import assert from 'node:assert/strict';
import { after, afterEach, before, suite, test } from 'node:test';
import { waitUntil } from '../../src/runtime/wait.ts';
import { assertFoldEqualsTable } from '../support/captured-database.ts';
import { assertCode, CopiedAccounts, faultOf, LIMITS } from './copied-accounts.ts';
import { watchedRows } from './watched-rows.ts';

const DEADLINE = { timeoutMs: 20_000, everyMs: 5 };

suite('a copy that does not go through at once', () => {
  let accounts: CopiedAccounts;
  before(async () => {
    accounts = await CopiedAccounts.start('interrupted');
  });
  afterEach(() => accounts.database.stop());
  after(() => accounts?.[Symbol.asyncDispose]());

  test('a table that is not captured is not copied', async () => {
    assertCode(await faultOf(accounts.database.backfill()), 'SOURCE_NOT_OPENED');
  });

  test('a copy that was interrupted goes on without reading again what it has', async () => {
    await accounts.fill();
    await accounts.open();
    const running = accounts.database.start();
    const stop = new AbortController();
    await using first = watchedRows(accounts.database.target.url, (_, nth) => nth === 2 && stop.abort());
    const interrupted = accounts.database.backfill({ rows: first, limits: LIMITS, signal: stop.signal });
    assertCode(await faultOf(interrupted), 'INTERRUPTED');
    await using second = watchedRows(accounts.database.target.url);
    assert.equal(await accounts.database.backfill({ rows: second, limits: LIMITS }), 300);
    assert.deepEqual([first.reads.length, second.reads.length], [2, 1]);
    assert.deepEqual(await accounts.chunksRead(), [0, 1, 2]);
    await using third = watchedRows(accounts.database.target.url);
    assert.equal(
      await accounts.database.backfill({ rows: third }),
      300,
      'a copy that is complete is not made again',
    );
    assert.deepEqual(third.reads, []);
    await assertFoldEqualsTable(accounts.database);
    await running.stop();
  });

  test('a second backfill of the table at the same time is refused, and the first one completes', async () => {
    await accounts.fill();
    await accounts.open();
    const running = accounts.database.start();
    let second: Promise<unknown> | undefined;
    await accounts
      .backfillWith(async (nth) => {
        // It plans and reads too, and whoever appends second is refused.
        if (nth === 1) second = faultOf(accounts.database.backfill({ limits: LIMITS }));
        if (nth === 1) await waitUntil(async () => (await accounts.chunksRead()).length > 0, DEADLINE);
      })
      .then(
        () => assert.fail('both copied the same ranges'),
        (error: unknown) => assertCode(error, 'LEASE_HELD'),
      );
    assert.equal(await second, undefined);
    assert.deepEqual(await accounts.chunksRead(), [0, 1, 2]);
    await assertFoldEqualsTable(accounts.database);
    await running.stop();
  });

  test('a rate that was reached is the reason that progress shows, and is kept', async () => {
    await accounts.fill();
    await accounts.open();
    const running = accounts.database.start();
    const reasons = new Set<string | null>();
    const began = performance.now();
    await accounts.database.backfill({
      limits: { ...LIMITS, rowsPerSecond: 1_000 },
      onProgress: ({ throttledBy }) => reasons.add(throttledBy),
    });
    assert.ok(reasons.has('at most 1000 rows a second'), [...reasons].join());
    assert.ok(performance.now() - began > 190, 'the third range waited for its time');
    await running.stop();
  });
});
