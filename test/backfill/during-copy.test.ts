// What happens to a row while its table is copied, on a real PostgreSQL, at the places that matter: before its chunk is
// read, between the read and its mark, and after. Each row is created once, then changed in order, and ends as it is.
import assert from 'node:assert/strict';
import { after, afterEach, before, suite, test } from 'node:test';
import { tableStream } from '../../src/capture/change.ts';
import { fence } from '../../src/capture/postgres/fence.ts';
import { dropTables } from '../../src/capture/postgres/publication.ts';
import { BanyanError, type ErrorCode } from '../../src/kernel/error.ts';
import { connectPostgres } from '../../src/postgres/connect.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import {
  assertFoldEqualsTable,
  type CapturedDatabase,
  foldAccounts,
  SOURCE,
  startCapturedDatabase,
} from '../support/captured-database.ts';
import { watchedRows } from './watched-rows.ts';

const DEADLINE = { timeoutMs: 20_000, everyMs: 5 };
/** One range after the other, a hundred rows each. */
const LIMITS = { rangesInFlight: 1, chunkBytes: 1 };
const LARGE = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 200) i)";

suite('a copy while the table is written', () => {
  let database: CapturedDatabase;
  let generation = 0;
  let base = 0;
  before(async () => {
    database = await startCapturedDatabase('during-copy');
  });
  afterEach(() => database.stop());
  after(() => database?.[Symbol.asyncDispose]());

  const query = (sql: string) =>
    database.query(sql.replaceAll(/#(\d+)/g, (_, id: string) => String(base + Number(id))));

  /** 300 rows with even numbers, written while nobody watched; the first hundred have large notes. */
  async function filled(): Promise<void> {
    base += 10_000;
    await dropTables(database.db, database.target.publication, [{ schema: 'public', table: 'accounts' }]);
    await database.query('TRUNCATE accounts');
    await query(`INSERT INTO accounts SELECT #0 + 2 * g, 'owner', 1, CASE WHEN g <= 100 THEN ${LARGE} ELSE 'n' END
                 FROM generate_series(1, 300) g`);
  }

  async function opened(): Promise<void> {
    generation += 1;
    await database.openTable(generation);
  }

  /** `opened 1, changed 2, closed`: what the log tells of one row, with its balance. */
  async function told(id: number): Promise<string> {
    const { events } = await foldAccounts(database.eventLog);
    return events
      .filter(({ stream }) => stream === `account-${base + id}`)
      .map(
        ({ type, data }) =>
          `${type.slice('Account'.length).toLowerCase()} ${(data as { balance: number }).balance}`,
      )
      .join(', ');
  }

  /** A backfill with something done between the read of a chunk, counted from 1, and its mark. */
  async function backfillWith(afterRead: (nth: number) => Promise<unknown>): Promise<void> {
    await using rows = watchedRows(database.target.url, (_, nth) => afterRead(nth));
    await database.backfill({ rows, limits: LIMITS });
  }

  test('a table that is not captured is not copied', async () => {
    assertCode(await faultOf(database.backfill()), 'SOURCE_NOT_OPENED');
  });

  test('changes before, beside and after a chunk are each told once, behind the creation', async () => {
    await filled();
    await opened();
    const running = database.start();
    await query('UPDATE accounts SET balance = 2 WHERE id IN (#2, #4)');
    await query('DELETE FROM accounts WHERE id = #6');
    await backfillWith(async (nth) => {
      if (nth !== 1) return;
      await query('UPDATE accounts SET balance = 3 WHERE id IN (#4, #8)');
      await query('DELETE FROM accounts WHERE id IN (#10, #12)');
      await query("INSERT INTO accounts VALUES (#12, 'again', 9, NULL), (#13, 'new', 9, NULL)");
      await query('UPDATE accounts SET balance = 4 WHERE id IN (#8, #402)');
    });
    await query('UPDATE accounts SET balance = 5 WHERE id = #8');
    await assertFoldEqualsTable(database);
    assert.equal(await told(2), 'opened 2');
    assert.equal(await told(4), 'opened 2, changed 3');
    assert.equal(await told(6), '');
    assert.equal(await told(8), 'opened 1, changed 3, changed 4, changed 5');
    assert.equal(await told(10), 'opened 1, closed 1');
    assert.equal(await told(12), 'opened 9');
    assert.equal(await told(13), 'opened 9');
    assert.equal(await told(402), 'opened 4');
    await running.stop();
  });

  test('a key that moves between ranges, read and unread, is there once; a large value that was not sent is not lost', async () => {
    await filled();
    await opened();
    const running = database.start();
    await backfillWith(async (nth) => {
      if (nth !== 2) return;
      // From a range that was read to one that was not, the other way round, and within one.
      await query('UPDATE accounts SET id = #601, balance = 2 WHERE id = #2');
      await query('UPDATE accounts SET id = #599, balance = 2 WHERE id = #4');
      await query('UPDATE accounts SET id = #3, balance = 2 WHERE id = #598');
      await query('UPDATE accounts SET id = #5, balance = 2 WHERE id = #6');
      await query('UPDATE accounts SET id = #301, balance = 2 WHERE id = #300');
    });
    await assertFoldEqualsTable(database);
    for (const id of [601, 599, 3, 5, 301]) assert.equal(await told(id), 'opened 2', String(id));
    for (const id of [2, 4, 6]) assert.equal(await told(id), 'opened 1, closed 1', String(id));
    await running.stop();
  });

  test('a table that is emptied between a read and its mark stays empty', async () => {
    await filled();
    await opened();
    const running = database.start();
    await backfillWith(async (nth) => {
      if (nth !== 1) return;
      await query('TRUNCATE accounts');
      await query("INSERT INTO accounts VALUES (#2, 'after', 7, NULL)");
    });
    await assertFoldEqualsTable(database);
    assert.equal(await told(2), 'opened 7');
    await running.stop();
  });

  test('a commit that is in the log and not yet visible is told behind the older row that the chunk read', async () => {
    await filled();
    await opened();
    const running = database.start();
    await database.query('SET synchronous_commit = local');
    const writer = await connectPostgres(database.target.url, { applicationName: 'hanging' });
    await setSynchronous('nobody');
    const hanging = writer.query(`UPDATE accounts SET balance = 2 WHERE id = ${base + 2}`);
    const isHanging = async (): Promise<boolean> =>
      (
        await query(
          "SELECT FROM pg_stat_activity WHERE application_name = 'hanging' AND wait_event = 'SyncRep'",
        )
      ).length > 0;
    assert.ok(await waitUntil(isHanging, DEADLINE));
    assert.ok(await waitUntil(isCaptured, DEADLINE), 'it is in the change log already');
    let balanceRead: unknown;
    await using rows = watchedRows(database.target.url, async (chunk, nth) => {
      if (nth !== 1) return;
      balanceRead = chunk.rows.find(([id]) => id === String(base + 2))![2];
      await setSynchronous('');
    });
    await database.backfill({ rows, limits: LIMITS });
    await hanging;
    await writer.end();
    assert.equal(balanceRead, '1', 'the chunk read the row as it was before');
    await assertFoldEqualsTable(database);
    assert.equal(await told(2), 'opened 1, changed 2');
    await running.stop();
  });

  async function setSynchronous(names: string): Promise<void> {
    await database.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
    await database.query('SELECT pg_reload_conf()');
    const isSet = async (): Promise<boolean> =>
      (await database.query('SHOW synchronous_standby_names'))[0]!.synchronous_standby_names === names;
    assert.ok(await waitUntil(isSet, DEADLINE));
  }

  async function isCaptured(): Promise<boolean> {
    for await (const { events } of database.changeLog.readLog({ after: 0, types: ['TransactionCaptured'] }))
      if (
        events.some(
          ({ data }) =>
            JSON.stringify(data).includes(`"update"`) && JSON.stringify(data).includes(`"${base + 2}"`),
        )
      )
        return true;
    return false;
  }

  test('a transaction that was open when the table was published is waited for, and its row is there once', async () => {
    await filled();
    const open = await connectPostgres(database.target.url, { applicationName: 'was open' });
    await open.query('BEGIN');
    await open.query(`INSERT INTO accounts VALUES (${base + 101}, 'open', 1, NULL)`);
    const short = { timeoutMs: 50, signal: new AbortController().signal };
    const fault = await faultOf(fence(database.db, short));
    assertCode(fault, 'FENCE_TIMEOUT');
    assertCode(await faultOf(fence(database.db, { ...short, signal: AbortSignal.abort() })), 'INTERRUPTED');
    assert.match(String((fault as BanyanError).why), /pid \d+ \(was open, idle in transaction for \d+ s\)/);

    const looker = await connectPostgres(database.target.url, { applicationName: 'looker' });
    const opening = opened();
    const isWaiting = async (): Promise<boolean> => {
      const { rows } = await looker.query(
        "SELECT query FROM pg_stat_activity WHERE application_name = 'test'",
      );
      const { rows: published } = await looker.query(
        "SELECT FROM pg_publication_tables WHERE pubname = 'bank'",
      );
      return published.length > 0 && String((rows as { query: string }[])[0]!.query).includes('AS blocker');
    };
    assert.ok(await waitUntil(isWaiting, DEADLINE));
    await looker.end();
    await open.query('COMMIT');
    await open.end();
    await opening;
    const running = database.start();
    await database.backfill({ limits: LIMITS });
    await assertFoldEqualsTable(database);
    assert.equal(await told(101), 'opened 1');
    await running.stop();
  });

  test('a copy that was interrupted goes on without reading again what it has', async () => {
    await filled();
    await opened();
    const running = database.start();
    const stop = new AbortController();
    await using first = watchedRows(database.target.url, (_, nth) => nth === 2 && stop.abort());
    const interrupted = database.backfill({ rows: first, limits: LIMITS, signal: stop.signal });
    assertCode(await faultOf(interrupted), 'INTERRUPTED');
    await using second = watchedRows(database.target.url);
    assert.equal(await database.backfill({ rows: second, limits: LIMITS }), 300);
    assert.deepEqual([first.reads.length, second.reads.length], [2, 1]);
    assert.deepEqual(await chunksRead(), [0, 1, 2]);
    await using third = watchedRows(database.target.url);
    assert.equal(await database.backfill({ rows: third }), 300, 'a copy that is complete is not made again');
    assert.deepEqual(third.reads, []);
    await assertFoldEqualsTable(database);
    await running.stop();
  });

  test('a second backfill of the table at the same time is refused, and the first one completes', async () => {
    await filled();
    await opened();
    const running = database.start();
    let second: Promise<unknown> | undefined;
    await backfillWith(async (nth) => {
      // It plans and reads too, and whoever appends second is refused.
      if (nth === 1) second = faultOf(database.backfill({ limits: LIMITS }));
      if (nth === 1) await waitUntil(async () => (await chunksRead()).length > 0, DEADLINE);
    }).then(
      () => assert.fail('both copied the same ranges'),
      (error: unknown) => assertCode(error, 'LEASE_HELD'),
    );
    assert.equal(await second, undefined);
    assert.deepEqual(await chunksRead(), [0, 1, 2]);
    await assertFoldEqualsTable(database);
    await running.stop();
  });

  test('a rate that was reached is the reason that progress shows, and is kept', async () => {
    await filled();
    await opened();
    const running = database.start();
    const reasons = new Set<string | null>();
    const began = performance.now();
    await database.backfill({
      limits: { ...LIMITS, rowsPerSecond: 1_000 },
      onProgress: ({ throttledBy }) => reasons.add(throttledBy),
    });
    assert.ok(reasons.has('at most 1000 rows a second'), [...reasons].join());
    assert.ok(performance.now() - began > 190, 'the third range waited for its time');
    await running.stop();
  });

  async function chunksRead(): Promise<readonly number[]> {
    const found: number[] = [];
    for await (const events of database.changeLog.readStream(tableStream(SOURCE, 'accounts')))
      for (const { type, data } of events) {
        const read = data as { readonly generation: number; readonly chunk: number };
        if (type === 'ChunkRead' && read.generation === generation) found.push(read.chunk);
      }
    return found;
  }
});

function faultOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function assertCode(error: unknown, code: ErrorCode): void {
  assert.ok(error instanceof BanyanError, String(error));
  assert.equal(error.code, code);
}
