// Verification of a real store against a real PostgreSQL while both move: no false alarm, and whatever is wrong is found.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { scratchStores } from '../../src/app/scratch-stores.ts';
import type { Domain, Projection, Row } from '../../src/domain/domain.ts';
import { connectPostgres } from '../../src/postgres/connect.ts';
import { Projector } from '../../src/projection/projector.ts';
import type { ReadStore, StoreSnapshot, TableChanges } from '../../src/projection/read-store.ts';
import { openSqliteReadStore } from '../../src/projection/sqlite/sqlite-read-store.ts';
import type { StoreUnderTest } from '../../src/verification/ports.ts';
import { postgresSnapshots } from '../../src/verification/postgres/exported-snapshot.ts';
import { type VerificationReport, verifyDomain } from '../../src/verification/verify.ts';
import {
  bankDomain,
  bankProjection,
  type CapturedDatabase,
  SOURCE,
  startCapturedDatabase,
} from '../support/captured-database.ts';

const ROWS = 400;
/** Without the tally: how many events there were is no state of the source. */
const projection: Projection = {
  ...bankProjection,
  tables: { accounts: bankProjection.tables.accounts! },
  on: {
    AccountOpened: put,
    AccountChanged: put,
    AccountClosed: ({ data }, { accounts }) => accounts!.delete({ id: (data as Row).id }),
  },
};

function put(
  { data }: { readonly data: unknown },
  { accounts }: Parameters<Projection['on'][string]>[1],
): void {
  const { id, balance } = data as Row;
  accounts!.upsert({ id, balance });
}

suite('verification', () => {
  const domain: Domain = { ...bankDomain(), projection };
  let database: CapturedDatabase;
  let store: ReadStore;
  let projector: Projector;
  const stop = new AbortController();
  let projecting: Promise<void>;
  before(async () => {
    database = await startCapturedDatabase('verification', { domain });
    await database.query(
      `INSERT INTO accounts SELECT g, 'owner', 100, NULL FROM generate_series(1, ${ROWS}) g`,
    );
    await database.openTable(1);
    database.start();
    await database.backfill();
    store = await openSqliteReadStore({ path: join(database.folder, 'store.db'), projection });
    projector = new Projector({ projection, store, eventLog: database.eventLog });
    projecting = projector.run(stop.signal);
  });
  after(async () => {
    stop.abort();
    await projecting;
    await store[Symbol.asyncDispose]();
    await database?.[Symbol.asyncDispose]();
  });

  /** The live store, as a verification meets it; `tamper` changes what it says. */
  function underTest(tamper: (rows: readonly Row[]) => readonly Row[] = (rows) => rows): StoreUnderTest {
    return {
      hold: () => projector.hold(5_000),
      async snapshot(lsn) {
        const snapshot: StoreSnapshot = await projector.snapshotAt(SOURCE, lsn, 20_000);
        return {
          page: async (table, after) => tamper(await snapshot.page(table, after, 100)),
          close: async () => snapshot[Symbol.asyncDispose](),
        };
      },
    };
  }

  const verify = (tamper?: (rows: readonly Row[]) => readonly Row[]): Promise<VerificationReport> =>
    verifyDomain({
      ...{ domain, inputs: [domain], store: underTest(tamper) },
      source: postgresSnapshots(database.target.url),
      scratch: scratchStores(join(database.folder, 'scratch')),
    });

  /** Writes into the store behind its projection's back. */
  async function corrupt(changes: Omit<TableChanges, 'table'>): Promise<void> {
    await database.caughtUp();
    const { lsn } = (await database.eventLog.sourceProgress(SOURCE))!;
    assert.ok(await projector.reaches(SOURCE, lsn, 20_000));
    const checkpoint = (await store.checkpoint())!;
    await store.commit([{ table: 'accounts', ...changes }], checkpoint, checkpoint.position);
  }

  test('both sides move and are equal at one place: no alarm, however often it is asked', async () => {
    const writer = await connectPostgres(database.target.url, { applicationName: 'writer' });
    let isDone = false;
    let written = 0;
    const writing = (async () => {
      for (let round = 0; !isDone; round += 1) {
        const from = 1 + ((round * 7) % (ROWS - 1));
        // Money moves: at every moment but inside a transaction the sum is the same.
        await writer.query('BEGIN');
        await writer.query('UPDATE accounts SET balance = balance - 1 WHERE id = $1', [from]);
        await writer.query('UPDATE accounts SET balance = balance + 1 WHERE id = $1', [from + 1]);
        if (round % 10 === 0)
          await writer.query(`INSERT INTO accounts VALUES ($1, 'new', 0, NULL)`, [10_000 + round]);
        if (round % 15 === 0) await writer.query('DELETE FROM accounts WHERE id = $1', [10_000 + round - 60]);
        await writer.query('COMMIT');
        written += 1;
      }
    })();
    const lsns = new Set<string>();
    for (let round = 0; round < 4; round += 1) {
      const before = written;
      const report = await verify();
      assert.deepEqual(report.samples, []);
      assert.equal(report.rowsDiffering, 0);
      assert.ok(report.rowsVerified >= ROWS, `${report.rowsVerified} rows verified`);
      assert.ok(written > before, 'the source moved meanwhile');
      lsns.add(report.lsn);
    }
    assert.equal(lsns.size, 4);
    isDone = true;
    await writing;
    await writer.end();
  });

  test('a value that was changed in the store is found, by table and key', async () => {
    const [account] = await store.load('accounts', [{ id: '17' }]);
    await corrupt({ upserts: [{ ...account!, balance: 1_234_567 }], deletes: [] });
    const report = await verify();
    assert.deepEqual(report.samples, [{ table: 'accounts', key: '17', difference: 'differs in balance' }]);
    assert.equal(report.rowsDiffering, 1);
    assert.ok(!JSON.stringify(report).includes('1234567'), 'no value leaves the comparison');
    await corrupt({ upserts: [account!], deletes: [] });
  });

  test('a row that the store lost, and one that it has too many, are found', async () => {
    const [account] = await store.load('accounts', [{ id: '18' }]);
    await corrupt({ upserts: [{ id: '99999', balance: 0 }], deletes: [{ id: '18' }] });
    assert.deepEqual((await verify()).samples, [
      { table: 'accounts', key: '18', difference: 'missing in the store' },
      { table: 'accounts', key: '99999', difference: 'in the store, but not at the source' },
    ]);
    await corrupt({ upserts: [account!], deletes: [{ id: '99999' }] });
    assert.deepEqual((await verify()).samples, []);
  });

  test('a row that is stale, because an event of it was dropped, is found; equal mistakes do not cancel out', async () => {
    const stale = await store.load('accounts', [{ id: '20' }, { id: '21' }]);
    await database.query('UPDATE accounts SET balance = balance + 5 WHERE id IN (20, 21)');
    await corrupt({ upserts: stale.map((row) => row!), deletes: [] });
    assert.deepEqual((await verify()).samples, [
      { table: 'accounts', key: '20', difference: 'differs in balance' },
      { table: 'accounts', key: '21', difference: 'differs in balance' },
    ]);
    await database.query('UPDATE accounts SET balance = balance + 1 WHERE id IN (20, 21)');
    assert.deepEqual((await verify()).samples, [], 'the next event of the row mends it');
  });

  test('a verification that fails midway leaves no slot and no snapshot, and the projection running', async () => {
    await assert.rejects(
      verify(() => {
        throw new Error('the reader was killed');
      }),
      /the reader was killed/,
    );
    assert.deepEqual(await database.query('SELECT slot_name FROM pg_replication_slots WHERE temporary'), []);
    const left = await database.query(
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'banyan verify'",
    );
    assert.deepEqual(left, []);
    await database.query("INSERT INTO accounts VALUES (50000, 'after', 1, NULL)");
    await database.caughtUp();
    const { lsn } = (await database.eventLog.sourceProgress(SOURCE))!;
    assert.ok(await projector.reaches(SOURCE, lsn, 20_000));
    assert.deepEqual((await verify()).samples, []);
  });
});
