// SIGKILL at every failpoint, between each write and its confirmation: after the restart no event is missing, none is
// there twice, every stream is in order, and a backfill goes on where it was.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, suite, test } from 'node:test';
import { readTableCopy } from '../../src/backfill/table-copy.ts';
import { tableStream } from '../../src/capture/change.ts';
import { connectPostgres } from '../../src/postgres/connect.ts';
import { openSqliteReadStore } from '../../src/projection/sqlite/sqlite-read-store.ts';
import { FAILPOINTS, type Failpoint } from '../../src/runtime/failpoint.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import {
  assertFoldEqualsTable,
  bankProjection,
  type CapturedDatabase,
  foldAccounts,
  SOURCE,
  startCapturedDatabase,
} from '../support/captured-database.ts';

type Work = 'capture' | 'backfill' | 'projection';

const failpointsOf = (...parts: readonly string[]): readonly Failpoint[] =>
  FAILPOINTS.filter((name) => parts.includes(name.split('.')[0]!));

suite('killed and started again', () => {
  let database: CapturedDatabase;
  before(async () => {
    database = await startCapturedDatabase('crash');
    await database.query(
      "INSERT INTO accounts SELECT g, 'owner ' || g, 0, repeat('x', 100) FROM generate_series(1, 2000) g",
    );
    await database.openTable(1);
    const capture = start('capture');
    await database.backfill();
    await stop(capture);
  });
  after(async () => {
    await database?.[Symbol.asyncDispose]();
  });

  const children = new Set<ChildProcess>();
  afterEach(async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    children.clear();
  });

  function start(work: Work, failpoint?: string): ChildProcess {
    const script = join(import.meta.dirname, 'bank-process.ts');
    const child = spawn(process.execPath, [script, work, database.folder, database.target.url], {
      env: { ...process.env, BANYAN_FAILPOINTS: failpoint ?? '' },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    children.add(child);
    return child;
  }

  /** Resolves when the process has died at its failpoint. */
  async function killed(child: ChildProcess): Promise<void> {
    const [code, signal] = await once(child, 'exit', { signal: AbortSignal.timeout(60_000) });
    assert.deepEqual({ code, signal }, { code: null, signal: 'SIGKILL' }, 'it died at its failpoint');
  }

  async function stop(child: ChildProcess): Promise<void> {
    child.kill('SIGTERM');
    const [code] = await once(child, 'exit');
    assert.equal(code, 0);
  }

  /** Transactions of several rows, each adding one to a balance, until `work` has ended. */
  async function whileWriting<T>(work: Promise<T>): Promise<T> {
    const client = await connectPostgres(database.target.url, { applicationName: 'writer' });
    let isDone = false;
    const ended = work.finally(() => {
      isDone = true;
    });
    ended.catch(() => undefined);
    for (let round = 0; !isDone && round < 5_000; round += 1) {
      const from = 1 + ((round * 37) % 1_990);
      await client.query('BEGIN');
      await client.query('UPDATE accounts SET balance = balance + 1 WHERE id BETWEEN $1 AND $1 + 4', [from]);
      if (round % 5 === 0) await client.query('DELETE FROM accounts WHERE id = $1', [from]);
      if (round % 5 === 3)
        await client.query(`INSERT INTO accounts VALUES ($1, 'back', 0, NULL) ON CONFLICT DO NOTHING`, [
          from,
        ]);
      await client.query(round % 9 === 8 ? 'ROLLBACK' : 'COMMIT');
    }
    await client.end();
    return ended;
  }

  /** Every change added one: an event that is missing, there twice or out of place breaks the count. */
  async function assertNoneMissingNoneTwice(): Promise<void> {
    const running = start('capture');
    await database.caughtUp();
    await assertFoldEqualsTable(database);
    const balances = new Map<string, number>();
    for (const { stream, type, data } of (await foldAccounts(database.eventLog)).events) {
      const { balance } = data as { readonly balance: number };
      if (type === 'AccountChanged') assert.equal(balance, balances.get(stream)! + 1, stream);
      balances.set(stream, balance);
    }
    await stop(running);
  }

  for (const failpoint of failpointsOf('capture', 'translation')) {
    test(`capture and translation at ${failpoint}`, async () => {
      for (const hit of [1, 4]) await whileWriting(killed(start('capture', `${failpoint}@${hit}`)));
      await assertNoneMissingNoneTwice();
    });
  }

  let generation = 1;
  for (const failpoint of failpointsOf('backfill')) {
    test(`the backfill at ${failpoint}, which goes on without reading a finished range again`, async () => {
      generation += 1;
      await database.openTable(generation);
      const capture = start('capture');
      const hit = failpoint === 'backfill.before-complete' ? 1 : 6;
      await whileWriting(killed(start('backfill', `${failpoint}@${hit}`)));
      const { chunks: done, plan } = await readTableCopy(database.changeLog, SOURCE, 'accounts');
      assert.ok(done.size > 0, 'some ranges were done before it died');

      const again = start('backfill');
      const [code] = await whileWriting(once(again, 'exit'));
      assert.equal(code, 0);
      assert.deepEqual(
        (await chunksRead()).toSorted((a, b) => a - b),
        plan!.uppers.map((_, chunk) => chunk),
        'each range of the one plan was appended once',
      );
      await stop(capture);
      await assertNoneMissingNoneTwice();
    });
  }

  for (const failpoint of failpointsOf('translation')) {
    test(`translation in the middle of a backfill at ${failpoint}`, async () => {
      generation += 1;
      await database.openTable(generation);
      const capture = start('capture', `${failpoint}@5`);
      const backfill = start('backfill');
      await whileWriting(killed(capture));
      const second = start('capture');
      await whileWriting(once(backfill, 'exit'));
      assert.equal(backfill.exitCode, 0);
      await stop(second);
      await assertNoneMissingNoneTwice();
    });
  }

  for (const failpoint of failpointsOf('projection')) {
    test(`the projection at ${failpoint}`, async () => {
      for (const suffix of ['', '-wal', '-shm'])
        rmSync(join(database.folder, `store.db${suffix}`), { force: true });
      for (const hit of [1, 3, 5]) await killed(start('projection', `${failpoint}@${hit}`));
      const running = start('projection');
      await assertStoreEqualsLog();
      await stop(running);
    });
  }

  /** Chunk numbers of the present generation, one for each time that a range was appended. */
  async function chunksRead(): Promise<readonly number[]> {
    const chunks: number[] = [];
    for await (const events of database.changeLog.readStream(tableStream(SOURCE, 'accounts')))
      for (const { type, data } of events) {
        const read = data as { readonly generation: number; readonly chunk: number };
        if (type === 'ChunkRead' && read.generation === generation) chunks.push(read.chunk);
      }
    return chunks;
  }

  async function assertStoreEqualsLog(): Promise<void> {
    const { rows, events } = await foldAccounts(database.eventLog);
    const head = (await database.eventLog.head()).position;
    await using store = await openSqliteReadStore({
      path: join(database.folder, 'store.db'),
      projection: bankProjection,
    });
    const isThere = async (): Promise<boolean> => ((await store.checkpoint())?.position ?? 0) >= head;
    assert.ok(await waitUntil(isThere, { timeoutMs: 30_000, everyMs: 10 }));
    await using snapshot = await store.snapshot();
    const stored = await snapshot.read.all('SELECT id, balance FROM accounts ORDER BY id');
    const expected = [...rows.values()] as readonly { readonly id: string; readonly balance: number }[];
    assert.deepEqual(
      stored.map(({ id, balance }) => `${id} ${balance}`),
      expected.map(({ id, balance }) => `${id} ${balance}`).sort(),
    );
    const [tally] = await snapshot.read.all('SELECT events FROM tally');
    assert.equal(tally!.events, events.length);
  }
});
