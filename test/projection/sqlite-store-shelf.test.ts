// The shelf of a service's stores: one is live, one may be built beside it, and a crash at any moment leaves one or the other.
import assert from 'node:assert/strict';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Projector } from '../../src/projection/projector.ts';
import { sqliteStoreShelf } from '../../src/projection/sqlite/sqlite-store-shelf.ts';
import type { ShelvedStore } from '../../src/projection/store-shelf.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { openPolls, type Polls, vote, votesIn, voting } from './voting.ts';

test('a rebuild from the first event gives the same rows, and until the swap everybody reads the old store', async () => {
  await using polls = openPolls();
  const folder = join(polls.folder, 'stores');
  const shelf = sqliteStoreShelf(folder, voting);
  assert.equal(await shelf.openLive(), undefined);
  const first = await shelf.create();
  await vote(polls.log, ['ann', 'bob']);
  await fill(polls, first);
  await shelf.makeLive(first);
  await vote(polls.log, ['ann', 'cat']);

  const second = await shelf.create();
  await fill(polls, second);
  const read = await live(polls);
  assert.deepEqual([read.number, await votesIn(read.store)], [1, { ann: 1, bob: 1 }]);
  await fill(polls, first);
  assert.deepEqual(await votesIn(second.store), await votesIn(first.store));

  await shelf.makeLive(second);
  const swapped = await live(polls);
  assert.deepEqual([swapped.number, await votesIn(swapped.store)], [2, { ann: 2, bob: 1, cat: 1 }]);
  assert.deepEqual(await votesIn(read.store), { ann: 2, bob: 1, cat: 1 });
  for (const { store } of [first, second, read, swapped]) await store[Symbol.asyncDispose]();
});

test('what an interrupted build left is removed by the next, which begins empty; the live store stays', async () => {
  await using polls = openPolls();
  await vote(polls.log, ['ann']);
  const shelf = sqliteStoreShelf(join(polls.folder, 'stores'), voting);
  const kept = await shelf.create();
  await fill(polls, kept);
  await shelf.makeLive(kept);
  const interrupted = await shelf.create();
  await fill(polls, interrupted);
  await interrupted.store[Symbol.asyncDispose]();

  const next = await shelf.create();
  assert.ok(next.number > interrupted.number);
  assert.equal(await next.store.checkpoint(), undefined);
  const read = await live(polls);
  assert.deepEqual([read.number, await votesIn(read.store)], [kept.number, { ann: 1 }]);
  for (const { store } of [kept, next, read]) await store[Symbol.asyncDispose]();
  const files = readdirSync(join(polls.folder, 'stores')).filter((name) => name.endsWith('.db'));
  assert.deepEqual(files.sort(), [`${kept.number}.db`, `${next.number}.db`]);
});

test('a store of another version is not opened, but kept until its successor is built', async () => {
  await using polls = openPolls();
  const folder = join(polls.folder, 'stores');
  const old = await sqliteStoreShelf(folder, voting).create();
  await sqliteStoreShelf(folder, voting).makeLive(old);
  const shelf = sqliteStoreShelf(folder, { ...voting, version: 2 });
  assert.equal(await shelf.openLive(), undefined);
  const built = await shelf.create();
  const read = await live(polls);
  assert.equal(read.number, old.number);
  await shelf.makeLive(built);
  for (const { store } of [old, built, read]) await store[Symbol.asyncDispose]();
});

test('a shelf whose live store was taken away has none; damage is not mistaken for another version', async () => {
  await using polls = openPolls();
  const folder = join(polls.folder, 'stores');
  const shelf = sqliteStoreShelf(folder, voting);
  const built = await shelf.create();
  await shelf.makeLive(built);
  await built.store[Symbol.asyncDispose]();
  const file = join(folder, `${built.number}.db`);
  writeFileSync(file, 'not a database, and long enough for nobody to take it for an empty one');
  await assert.rejects(shelf.openLive(), /not a database/);
  rmSync(file);
  assert.equal(await shelf.openLive(), undefined);
});

/** Projects the log so far into the store. */
async function fill({ log }: Polls, { store }: ShelvedStore): Promise<void> {
  const { position: head } = await log.head();
  const projector = new Projector({ projection: voting, store, eventLog: log });
  const stop = new AbortController();
  const work = projector.run(stop.signal);
  assert.ok(await waitUntil(() => projector.figures().position === head, { timeoutMs: 10_000, everyMs: 1 }));
  stop.abort();
  await work;
}

async function live({ folder }: Polls): Promise<ShelvedStore> {
  const found = await sqliteStoreShelf(join(folder, 'stores'), voting).openLive();
  assert.ok(found);
  return found;
}
