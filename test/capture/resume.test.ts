// Capture that stops, loses its connection or its slot, or is not alone: nothing is missing and nothing twice, or it says
// what is wrong and stops.
import assert from 'node:assert/strict';
import { after, afterEach, before, suite, test } from 'node:test';
import type { SourceTransaction } from '../../src/capture/change.ts';
import { postgresChangeSource } from '../../src/capture/postgres/postgres-change-source.ts';
import type { EventStore } from '../../src/event-store/event-store.ts';
import { createMemoryEventStore } from '../../src/event-store/memory/memory-event-store.ts';
import { BanyanError, type ErrorCode } from '../../src/kernel/error.ts';
import { lsn, parseLsn } from '../../src/kernel/lsn.ts';
import { connectPostgres } from '../../src/postgres/connect.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { type CapturedSource, startCapturedSource } from '../support/captured-source.ts';

const DEADLINE = { timeoutMs: 20_000, everyMs: 5 };

suite('capture goes on where it was', () => {
  let source: CapturedSource;
  before(async () => {
    source = await startCapturedSource('resume');
    await source.query('CREATE TABLE items (id int PRIMARY KEY, name text)');
    await source.publish('items');
  });
  afterEach(() => source.stop());
  after(() => source?.[Symbol.asyncDispose]());

  let next = 1;
  /** So many transactions of one row each, numbered through all tests of this suite. */
  async function write(count: number): Promise<void> {
    for (let left = count; left > 0; left -= 1) await source.query('INSERT INTO items VALUES ($1)', [next++]);
  }

  const idsOf = (transactions: readonly SourceTransaction[]): readonly number[] =>
    transactions.flatMap(({ changes }) =>
      changes.map((one) => (one.op === 'insert' ? Number(one.row[0]) : -1)),
    );

  /** Every row that was ever written is in the log, once, in order. */
  async function assertAllOnce(): Promise<void> {
    const written = Array.from({ length: next - 1 }, (_, index) => index + 1);
    assert.deepEqual(idsOf(await source.transactions()), written);
  }

  async function slotLsn(): Promise<bigint> {
    const [slot] = await source.query('SELECT confirmed_flush_lsn AS lsn FROM pg_replication_slots');
    return parseLsn(slot!.lsn!);
  }

  test('a stop and a start lose nothing, and what happened between is there', async () => {
    for (let round = 0; round < 3; round += 1) {
      const running = source.start();
      await write(5);
      await source.caughtUp();
      await write(5);
      await running.stop();
      await write(5);
    }
    const running = source.start();
    await source.caughtUp();
    await assertAllOnce();
    await running.stop();
  });

  test('connections that the server ends, streaming or only just made, are made anew', async () => {
    const running = source.start();
    let ended = 0;
    for (let round = 0; ended < 6; round += 1) {
      await write(2);
      const backends = await source.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'banyan capture'",
      );
      ended += backends.length;
      assert.ok(round < 20_000, `only ${ended} connections were there to end`);
    }
    await source.caughtUp();
    await assertAllOnce();
    assert.ok(running.states.includes('reconnecting'));
    await running.stop();
  });

  test('the frontier follows a server where nothing captured changes', async () => {
    const running = source.start();
    await source.query('CREATE DATABASE other');
    const other = await connectPostgres(source.postgres.url('other'), { applicationName: 'other' });
    for (const sql of ['CREATE TABLE t (id int)', 'INSERT INTO t SELECT generate_series(1, 1000)']) {
      assert.deepEqual(await source.capturedBy(() => other.query(sql)), []);
    }
    await other.end();
    const appended = (await source.changeLog.sourceProgress('captured'))!.lsn;
    assert.ok(
      await waitUntil(async () => (await slotLsn()) >= appended, DEADLINE),
      'the server may forget it',
    );
    await running.stop();
  });

  test('nothing is confirmed before it is durable: while an append is under way, and ever', async () => {
    const { changeLog } = source;
    let letOn: (() => void) | undefined;
    let isAppending: (() => void) | undefined;
    const appending = new Promise<void>((done) => {
      isAppending = done;
    });
    const gate = new Promise<void>((done) => {
      letOn = done;
    });
    const slow: EventStore = Object.assign(Object.create(changeLog) as EventStore, {
      readStream: changeLog.readStream.bind(changeLog),
      sourceProgress: changeLog.sourceProgress.bind(changeLog),
      append: async (...args: Parameters<EventStore['append']>) => {
        if (args[0].length > 0) {
          isAppending?.();
          await gate;
        }
        return changeLog.append(...args);
      },
    });
    const before = await source.changeLog.sourceProgress('captured');
    const running = source.start(slow);
    await write(1);
    await appending;
    await write(50);
    try {
      // The server hears from us several times a second: long enough for a wrong confirmation to arrive.
      for (let beats = 0; beats < 3; beats += 1) {
        const [{ heard }] = (await source.query(
          'SELECT reply_time::text AS heard FROM pg_stat_replication',
        )) as [{ heard: string }];
        const isHeardAgain = async (): Promise<boolean> =>
          (await source.query('SELECT reply_time::text AS heard FROM pg_stat_replication'))[0]?.heard !==
          heard;
        assert.ok(await waitUntil(isHeardAgain, DEADLINE));
        const stored = await changeLog.sourceProgress('captured');
        assert.ok((await slotLsn()) <= stored!.lsn);
        assert.ok(stored!.lsn - before!.lsn < 10_000n);
      }
    } finally {
      letOn!();
    }
    for (let sample = 0; sample < 100; sample += 1) {
      await write(1);
      const confirmed = await slotLsn();
      assert.ok(confirmed <= (await changeLog.sourceProgress('captured'))!.lsn);
    }
    await source.caughtUp();
    await assertAllOnce();
    await running.stop();
  });

  test('a second capture stands by while the slot is in use, and takes over without a gap', async () => {
    const first = source.start();
    await write(5);
    await source.caughtUp();
    const second = source.start();
    assert.ok(await waitUntil(() => second.states.includes('reconnecting'), DEADLINE));
    await write(5);
    await first.stop();
    await source.caughtUp();
    await write(5);
    await source.caughtUp();
    await assertAllOnce();
    await second.stop();
  });

  test('a capture that comes late to a log that another one wrote is fenced', async () => {
    const running = source.start();
    await write(1);
    await source.caughtUp();
    const isStolen = async (): Promise<boolean> => {
      const stored = (await source.changeLog.sourceProgress('captured'))!;
      const ahead = { ...stored, lsn: lsn(stored.lsn + 1n), expected: stored };
      return (await source.changeLog.append([], { source: ahead })).outcome === 'appended';
    };
    assert.ok(await waitUntil(isStolen, DEADLINE));
    await source.query('CREATE TABLE some_wal AS SELECT 1 AS one');
    assertCode(await running.failure(), 'FENCED');
    const isSlotFree = async (): Promise<boolean> =>
      (await source.query('SELECT active FROM pg_replication_slots'))[0]!.active === 'f';
    assert.ok(await waitUntil(isSlotFree, DEADLINE));
  });

  test('a reader that is slower than the source holds the server back instead of growing', async () => {
    const changes = postgresChangeSource({ ...source.target, bufferBytes: 20_000 });
    const stop = new AbortController();
    const after = (await source.changeLog.sourceProgress('captured'))!.lsn;
    const large = 'x'.repeat(10_000);
    const count = 300;
    const seen: SourceTransaction[] = [];
    const sizes: number[] = [];
    let writing: Promise<unknown> | undefined;
    for await (const { transactions } of changes.stream({ after, signal: stop.signal })) {
      writing ??= source.query(`DO $$ BEGIN FOR i IN 1..${count} LOOP
        INSERT INTO items VALUES (1000000 + i, '${large}'); COMMIT; END LOOP; END $$`);
      await writing;
      seen.push(...transactions.filter(({ changes: [change] }) => change?.op === 'insert'));
      sizes.push(JSON.stringify(transactions).length);
      if (seen.length >= count) stop.abort();
    }
    assert.deepEqual(
      idsOf(seen),
      Array.from({ length: count }, (_, index) => 1_000_001 + index),
    );
    // What one read of the socket brought is taken in beyond the bound, and no more.
    assert.ok(Math.max(...sizes) < 400_000, `${Math.max(...sizes)} of ${count * large.length} bytes at once`);
    await source.query('DELETE FROM items WHERE id > 1000000');
  });

  test('a log that captures nothing, or another server, is refused', async () => {
    const empty = createMemoryEventStore();
    assertCode(await source.start(empty).failure(), 'SOURCE_NOT_OPENED');
    for (const other of [{ systemId: '1' }, { timeline: 7 }]) {
      const log = createMemoryEventStore();
      for await (const [first] of source.changeLog.readStream('slot-captured')) {
        const { id, type, time, schemaVersion, data, meta } = first!;
        const event = { id, type, time, schemaVersion, data: { ...(data as object), ...other }, meta };
        await log.append([{ stream: 'slot-captured', expected: 'none', events: [event] }]);
        break;
      }
      assertCode(await source.start(log).failure(), 'SOURCE_CHANGED');
    }
  });

  test('a slot that went ahead of the log is a gap, and capture stops', async () => {
    await source.query("INSERT INTO items VALUES (0, 'lost')");
    await source.query("SELECT pg_replication_slot_advance('captured', pg_current_wal_lsn())");
    const error = await source.start().failure();
    assertCode(error, 'SLOT_GAP');
    assert.match(String((error as BanyanError).why), /the log ends at .+, the slot begins at .+/);
  });

  test('a slot that is gone is never made anew', async () => {
    await source.query("SELECT pg_drop_replication_slot('captured')");
    assertCode(await source.start().failure(), 'SLOT_MISSING');
    assert.deepEqual(await source.query('SELECT slot_name FROM pg_replication_slots'), []);
  });
});

test('a slot that the server invalidated, because it kept too much, is a missing one', async () => {
  await using source = await startCapturedSource('invalidated', {
    settings: { max_slot_wal_keep_size: '1MB', min_wal_size: '32MB', max_wal_size: '32MB' },
  });
  for (let segment = 0; segment < 6; segment += 1) {
    await source.query('CREATE TABLE filler AS SELECT 1 AS one');
    await source.query('DROP TABLE filler');
    await source.query('SELECT pg_switch_wal()');
  }
  await source.query('CHECKPOINT');
  const error = await source.start().failure();
  assertCode(error, 'SLOT_MISSING');
  assert.equal((error as BanyanError).message, 'The replication slot was invalidated');
});

function assertCode(error: unknown, code: ErrorCode): void {
  assert.ok(error instanceof BanyanError, String(error));
  assert.equal(error.code, code, `${error.message}: ${error.why}`);
}
