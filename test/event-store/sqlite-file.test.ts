// What is particular to the file: which files are refused, locks, the size of the write-ahead file, and that the
// database itself keeps events as they are.
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { EventStore } from '../../src/event-store/event-store.ts';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.ts';
import { BanyanError, type ErrorCode } from '../../src/kernel/error.ts';
import {
  appended,
  batchesOf,
  eventsOf,
  newEvent,
  times,
  write,
} from '../../src/testing/contract/event-store/case.ts';
import { type ScratchLog, scratchLog } from './scratch-log.ts';

const MEGABYTE = 1024 * 1024;

test('a path that cannot be opened is LOG_UNREACHABLE and says where', async () => {
  await using log = scratchLog();
  for (const path of [log.folder, join(log.folder, 'absent', 'log.db')]) {
    await assert.rejects(() => openSqliteEventStore({ path }), fault('LOG_UNREACHABLE', path));
  }
});

test('a file that is no database is refused and left as it was', async () => {
  await using log = scratchLog();
  const text = 'These are notes, not a log. '.repeat(50);
  writeFileSync(log.path, text);
  await assert.rejects(() => log.open(), fault('LOG_CORRUPT', log.path));
  assert.equal(readFileSync(log.path, 'utf8'), text);
});

test('a database of another program is refused and left as it was', async () => {
  await using log = scratchLog();
  alter(log, 'CREATE TABLE recipe (name TEXT)');
  const before = readFileSync(log.path);
  await assert.rejects(() => log.open(), fault('LOG_CORRUPT', log.path));
  assert.deepEqual(readFileSync(log.path), before);
});

test('a log of a schema that this version does not know is refused', async () => {
  await using log = scratchLog();
  await (await log.open())[Symbol.asyncDispose]();
  alter(log, 'PRAGMA user_version = 99');
  await assert.rejects(() => log.open(), fault('LOG_CORRUPT', log.path));
});

test('the database refuses to change or to delete an event', async () => {
  await using log = scratchLog();
  await using store = await log.open();
  await appended(store.append([write('post-1')]));
  assert.throws(() => alter(log, "UPDATE event SET data = '{}'"), /events are for ever/);
  assert.throws(() => alter(log, 'DELETE FROM event'), /events are for ever/);
  assert.equal((await eventsOf(store)).length, 1);
});

test('an append waits for the lock of another process without holding the event loop', async () => {
  await using log = scratchLog();
  await using store = await log.open();
  using other = new DatabaseSync(log.path);
  other.exec('BEGIN IMMEDIATE');
  let isDone = false;
  const append = appended(store.append([write('post-1')])).finally(() => {
    isDone = true;
  });
  for (let turns = 0; turns < 100; turns += 1) await turn();
  assert.equal(isDone, false);
  other.exec('COMMIT');
  assert.equal((await append).position, 1);
});

test('an append that never gets the lock rejects with LOG_UNREACHABLE and has written nothing', async () => {
  await using log = scratchLog();
  await using store = await openSqliteEventStore({ path: log.path, busyTimeoutMs: 30 });
  using other = new DatabaseSync(log.path);
  other.exec('BEGIN IMMEDIATE');
  await assert.rejects(() => store.append([write('post-1')]), fault('LOG_UNREACHABLE', log.path));
  other.exec('ROLLBACK');
  assert.deepEqual(await eventsOf(store), []);
  await appended(store.append([write('post-1')]));
});

test('an append that the database refuses fails alone, its neighbours of the same turn are written', async () => {
  await using log = scratchLog();
  await using store = await log.open();
  alter(
    log,
    `CREATE TRIGGER poison BEFORE INSERT ON event WHEN NEW.type = 'Poison'
     BEGIN SELECT RAISE(ABORT, 'too much'); END`,
  );
  const types = ['Written', 'Poison', 'Written'];
  const settled = await Promise.allSettled(
    types.map((type, index) =>
      store.append([write(`post-${index}`), write('user-1', 'any', [newEvent(type)])]),
    ),
  );
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(
    (await eventsOf(store)).map(({ stream }) => stream),
    ['post-0', 'user-1', 'post-2', 'user-1'],
  );
});

test('appends of one turn share one commit', async () => {
  await using log = scratchLog();
  await using store = await log.open();
  await appended(store.append([write('post-1')]));
  const walBytes = (): number => statSync(`${log.path}-wal`).size;
  const before = walBytes();
  await appended(store.append([write('post-1')]));
  const ofOne = walBytes() - before;
  await Promise.all(times(30, () => appended(store.append([write('post-1')]))));
  assert.ok(walBytes() - before - ofOne < 10 * ofOne, `${walBytes()} bytes after ${before} and ${ofOne}`);
});

test('the write-ahead file stays bounded behind a reader that is slower than the writer', async () => {
  await using log = scratchLog();
  await using store = await log.open();
  const fill = (): Promise<void> => appendMegabytes(store, 2);
  await fill();
  let written = 2;
  let walMegabytes = 0;
  for await (const _ of store.readLog({ after: 0, batchSize: 1 })) {
    await fill();
    await fill();
    written += 4;
    walMegabytes = Math.max(walMegabytes, statSync(`${log.path}-wal`).size / MEGABYTE);
  }
  assert.ok(written > 60 && walMegabytes < 20, `${walMegabytes} MB beside ${written} MB written`);
});

test('a write-ahead file that grew behind the snapshot of another program shrinks when that ends', async () => {
  await using log = scratchLog();
  await using store = await log.open();
  await appendMegabytes(store, 1);
  using other = new DatabaseSync(log.path);
  other.exec('BEGIN; SELECT count(*) FROM event');
  for (let round = 0; round < 20; round += 1) await appendMegabytes(store, 2);
  assert.ok(statSync(`${log.path}-wal`).size > 32 * MEGABYTE);
  other.exec('COMMIT');
  for (let commit = 0; commit < 128; commit += 1) await appended(store.append([write('post-1')]));
  assert.ok(statSync(`${log.path}-wal`).size <= 16 * MEGABYTE);
});

test('a filter on a rare type goes through the log in stretches and loses nothing between them', async () => {
  await using log = scratchLog();
  await using store = await log.open();
  const rarely = (index: number): string => (index % 9999 === 0 ? 'Rare' : 'Written');
  await appended(
    store.append([
      write(
        'post-1',
        'none',
        times(45_000, (index) => newEvent(rarely(index))),
      ),
    ]),
  );
  const batches = await batchesOf(store, { types: ['Rare'] });
  assert.deepEqual(
    batches.flatMap(({ events }) => events.map(({ position }) => position)),
    [1, 10_000, 19_999, 29_998, 39_997],
  );
  assert.ok(batches.length > 1 && batches.at(-1)?.upTo === 45_000);
});

test('idempotency keys older than seven days are dropped as new ones come', async () => {
  await using log = scratchLog();
  await using store = await log.open();
  for (const key of ['old-1', 'old-2', 'young']) {
    await appended(store.append([write('post-1')], { idempotencyKey: key }));
  }
  alter(
    log,
    `UPDATE idempotency_key SET recorded_at = recorded_at - ${8 * 24 * 3600 * 1000} WHERE key LIKE 'old-%'`,
  );
  await appended(store.append([write('post-1')], { idempotencyKey: 'new' }));
  const isDuplicate = async (idempotencyKey: string): Promise<boolean> =>
    (await appended(store.append([write('post-1')], { idempotencyKey }))).isDuplicate;
  assert.equal(await isDuplicate('young'), true);
  assert.equal(await isDuplicate('new'), true);
  assert.equal(await isDuplicate('old-1'), false);
});

async function appendMegabytes(store: EventStore, megabytes: number): Promise<void> {
  const events = times(megabytes * 10, () => newEvent('Written', { body: 'x'.repeat(100_000) }));
  await appended(store.append([write('post-1', 'any', events)]));
}

function fault(code: ErrorCode, path: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof BanyanError && error.code === code && error.at === path && error.why !== undefined;
}

function alter(log: ScratchLog, sql: string): void {
  using database = new DatabaseSync(log.path, { timeout: 1000 });
  database.exec(sql);
}
