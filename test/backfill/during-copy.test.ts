// What happens to a row while its table is copied, on a real PostgreSQL, at the places that matter: before its chunk is
// read, between the read and its mark, and after. Each row is created once, then changed in order, and ends as it is.
import assert from 'node:assert/strict';
import { after, afterEach, before, suite, test } from 'node:test';
import { fence } from '../../src/capture/postgres/fence.ts';
import type { BanyanError } from '../../src/kernel/error.ts';
import { connectPostgres } from '../../src/postgres/connect.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { assertFoldEqualsTable } from '../support/captured-database.ts';
import { assertCode, CopiedAccounts, faultOf, LIMITS } from './copied-accounts.ts';
import { watchedRows } from './watched-rows.ts';

const DEADLINE = { timeoutMs: 20_000, everyMs: 5 };

suite('a copy while the table is written', () => {
  let accounts: CopiedAccounts;
  before(async () => {
    accounts = await CopiedAccounts.start('during-copy');
  });
  afterEach(async () => {
    await setSynchronous('');
    await accounts.database.stop();
  });
  after(() => accounts?.[Symbol.asyncDispose]());

  test('changes before, beside and after a chunk are each told once, behind the creation', async () => {
    await accounts.fill();
    await accounts.open();
    const running = accounts.database.start();
    await accounts.query('UPDATE accounts SET balance = 2 WHERE id IN (#2, #4)');
    await accounts.query('DELETE FROM accounts WHERE id = #6');
    await accounts.backfillWith(async (nth) => {
      if (nth !== 1) return;
      await accounts.query('UPDATE accounts SET balance = 3 WHERE id IN (#4, #8)');
      await accounts.query('DELETE FROM accounts WHERE id IN (#10, #12)');
      await accounts.query("INSERT INTO accounts VALUES (#12, 'again', 9, NULL), (#13, 'new', 9, NULL)");
      await accounts.query('UPDATE accounts SET balance = 4 WHERE id IN (#8, #402)');
    });
    await accounts.query('UPDATE accounts SET balance = 5 WHERE id = #8');
    await assertFoldEqualsTable(accounts.database);
    assert.equal(await accounts.told(2), 'opened 2');
    assert.equal(await accounts.told(4), 'opened 2, changed 3');
    assert.equal(await accounts.told(6), '');
    assert.equal(await accounts.told(8), 'opened 1, changed 3, changed 4, changed 5');
    assert.equal(await accounts.told(10), 'opened 1, closed 1');
    assert.equal(await accounts.told(12), 'opened 9');
    assert.equal(await accounts.told(13), 'opened 9');
    assert.equal(await accounts.told(402), 'opened 4');
    await running.stop();
  });

  test('a key that moves between ranges, read and unread, is there once; a large value that was not sent is not lost', async () => {
    await accounts.fill();
    await accounts.open();
    const running = accounts.database.start();
    await accounts.backfillWith(async (nth) => {
      if (nth !== 2) return;
      // From a range that was read to one that was not, the other way round, and within one.
      await accounts.query('UPDATE accounts SET id = #601, balance = 2 WHERE id = #2');
      await accounts.query('UPDATE accounts SET id = #599, balance = 2 WHERE id = #4');
      await accounts.query('UPDATE accounts SET id = #3, balance = 2 WHERE id = #598');
      await accounts.query('UPDATE accounts SET id = #5, balance = 2 WHERE id = #6');
      await accounts.query('UPDATE accounts SET id = #301, balance = 2 WHERE id = #300');
    });
    await assertFoldEqualsTable(accounts.database);
    for (const id of [601, 599, 3, 5, 301]) assert.equal(await accounts.told(id), 'opened 2', String(id));
    for (const id of [2, 4, 6]) assert.equal(await accounts.told(id), 'opened 1, closed 1', String(id));
    await running.stop();
  });

  test('a table that is emptied between a read and its mark stays empty', async () => {
    await accounts.fill();
    await accounts.open();
    const running = accounts.database.start();
    await accounts.backfillWith(async (nth) => {
      if (nth !== 1) return;
      await accounts.query('TRUNCATE accounts');
      await accounts.query("INSERT INTO accounts VALUES (#2, 'after', 7, NULL)");
    });
    await assertFoldEqualsTable(accounts.database);
    assert.equal(await accounts.told(2), 'opened 7');
    await running.stop();
  });

  test('a commit that is in the log and not yet visible is told behind the older row that the chunk read', async () => {
    await accounts.fill();
    await accounts.open();
    const running = accounts.database.start();
    await accounts.database.query('SET synchronous_commit = local');
    const writer = await connectPostgres(accounts.database.target.url, { applicationName: 'hanging' });
    const held = await holdCommits();
    const hanging = writer.query(`UPDATE accounts SET balance = 2 WHERE id = ${accounts.base + 2}`);
    assert.ok(await waitUntil(() => isWaiting('hanging'), DEADLINE));
    assert.ok(await waitUntil(isCaptured, DEADLINE), 'it is in the change log already');
    let balanceRead: unknown;
    await using rows = watchedRows(accounts.database.target.url, async (chunk, nth) => {
      if (nth !== 1) return;
      balanceRead = chunk.rows.find(([id]) => id === String(accounts.base + 2))![2];
      await setSynchronous('');
    });
    await accounts.database.backfill({ rows, limits: LIMITS });
    await hanging;
    await held.released();
    await writer.end();
    assert.equal(balanceRead, '1', 'the chunk read the row as it was before');
    await assertFoldEqualsTable(accounts.database);
    assert.equal(await accounts.told(2), 'opened 1, changed 2');
    await running.stop();
  });

  async function setSynchronous(names: string): Promise<void> {
    await accounts.database.query(`ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
    await accounts.database.query('SELECT pg_reload_conf()');
  }

  /** From here on every commit waits for a standby that there is not; answers the probe that waits already. */
  async function holdCommits(): Promise<{ readonly released: () => Promise<void> }> {
    const probe = await connectPostgres(accounts.database.target.url, { applicationName: 'probe' });
    await setSynchronous('nobody');
    let pending: Promise<unknown> | undefined;
    const isHeld = async (): Promise<boolean> => {
      pending ??= probe.query("SELECT pg_logical_emit_message(true, 'probe', '')").then(() => {
        pending = undefined;
      });
      return isWaiting('probe');
    };
    assert.ok(await waitUntil(isHeld, DEADLINE));
    return {
      async released() {
        await pending;
        await probe.end();
      },
    };
  }

  async function isWaiting(application: string): Promise<boolean> {
    const found = await accounts.query(
      `SELECT FROM pg_stat_activity WHERE application_name = '${application}' AND wait_event = 'SyncRep'`,
    );
    return found.length > 0;
  }

  async function isCaptured(): Promise<boolean> {
    for await (const { events } of accounts.database.changeLog.readLog({
      after: 0,
      types: ['TransactionCaptured'],
    }))
      if (
        events.some(
          ({ data }) =>
            JSON.stringify(data).includes(`"update"`) &&
            JSON.stringify(data).includes(`"${accounts.base + 2}"`),
        )
      )
        return true;
    return false;
  }

  test('a transaction that was open when the table was published is waited for, and its row is there once', async () => {
    await accounts.fill();
    const open = await connectPostgres(accounts.database.target.url, { applicationName: 'was open' });
    await open.query('BEGIN');
    await open.query(`INSERT INTO accounts VALUES (${accounts.base + 101}, 'open', 1, NULL)`);
    const short = { timeoutMs: 50, signal: new AbortController().signal };
    const fault = await faultOf(fence(accounts.database.db, short));
    assertCode(fault, 'FENCE_TIMEOUT');
    assertCode(
      await faultOf(fence(accounts.database.db, { ...short, signal: AbortSignal.abort() })),
      'INTERRUPTED',
    );
    assert.match(String((fault as BanyanError).why), /pid \d+ \(was open, idle in transaction for \d+ s\)/);

    const looker = await connectPostgres(accounts.database.target.url, { applicationName: 'looker' });
    const opening = accounts.open();
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
    const running = accounts.database.start();
    await accounts.database.backfill({ limits: LIMITS });
    await assertFoldEqualsTable(accounts.database);
    assert.equal(await accounts.told(101), 'opened 1');
    await running.stop();
  });
});
