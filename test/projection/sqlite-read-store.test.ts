// The read store's contract on SQLite: rows and checkpoint all or nothing, one writer, and snapshots of one moment.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bool, float, int, json, text } from '../../src/domain/column.ts';
import { table } from '../../src/domain/define-table.ts';
import type { Projection, Row } from '../../src/domain/domain.ts';
import { lsn } from '../../src/kernel/lsn.ts';
import type { ReadStore, StoreCheckpoint } from '../../src/projection/read-store.ts';
import { openSqliteReadStore } from '../../src/projection/sqlite/sqlite-read-store.ts';
import { openPolls, votesAt, votesIn, voting } from './voting.ts';

const LOG = { id: 'log', recoveryEpoch: 1 };

test('a new store has no checkpoint; afterwards it is as committed, also in a store opened again', async () => {
  await using polls = openPolls();
  const store = await polls.open();
  assert.equal(await store.checkpoint(), undefined);
  const checkpoint = {
    ...{ log: LOG, position: 7 },
    frontier: { town: lsn(0xffff_ffff_ffff_fff0n), farm: lsn(1n) },
  };
  await store.commit([], checkpoint, undefined);
  assert.deepEqual(await store.checkpoint(), checkpoint);
  await store[Symbol.asyncDispose]();
  assert.deepEqual(await (await polls.open()).checkpoint(), checkpoint);
});

test('values of every kind come back as they were, whichever way they are read', async () => {
  const columns = {
    id: text(),
    whole: int(),
    real: float(),
    flag: bool(),
    tree: json(),
    none: json().nullable(),
  };
  const kinds: Projection = { ...voting, tables: { kinds: table({ key: ['id'], columns }) } };
  const rows: readonly Row[] = [
    { id: 'a', whole: Number.MAX_SAFE_INTEGER, real: 0.1, flag: true, tree: { deep: [1, null] }, none: null },
    { id: 'b', whole: -1, real: 5, flag: false, tree: 'text', none: 'null' },
    { id: "o'c\u0000🌳", whole: 0, real: -1e300, flag: true, tree: [], none: false },
  ];
  await using polls = openPolls();
  const store = await polls.open({ projection: kinds });
  await store.commit([{ table: 'kinds', upserts: rows, deletes: [] }], at(1), undefined);
  const keys = rows.map(({ id }) => ({ id }));
  assert.deepEqual(await store.load('kinds', [...keys, { id: 'nobody' }]), [...rows, undefined]);
  await using snapshot = await store.snapshot();
  assert.deepEqual(await Promise.all(keys.map((key) => snapshot.read.get('kinds', key))), rows);
  assert.deepEqual(await snapshot.page('kinds', undefined, 10), rows);
  const stored = kinds.tables.kinds!.columns;
  assert.deepEqual(await snapshot.read.all('SELECT * FROM kinds ORDER BY id', [], stored), rows);
});

test('a commit that fails halfway leaves rows and checkpoint as they were, and the store usable', async () => {
  await using polls = openPolls();
  const store = await polls.open();
  await store.commit([put({ ann: 1, bob: 1 })], at(1), undefined);
  const bad = { name: 'bob', votes: null };
  const changes = {
    table: 'candidates',
    upserts: [{ name: 'cat', votes: 5 }, bad],
    deletes: [{ name: 'ann' }],
  };
  await assert.rejects(store.commit([changes], at(2), 1), /NOT NULL/);
  assert.deepEqual([await votesIn(store), (await store.checkpoint())?.position], [{ ann: 1, bob: 1 }, 1]);
  await store.commit([{ ...put({ cat: 5 }), deletes: [{ name: 'ann' }] }], at(2), 1);
  assert.deepEqual([await votesIn(store), (await store.checkpoint())?.position], [{ bob: 1, cat: 5 }, 2]);
});

test('a second writer, who knows another checkpoint, is refused and writes nothing', async () => {
  await using polls = openPolls();
  const [one, other] = [await polls.open(), await polls.open()];
  await one.commit([put({ ann: 1 })], at(1), undefined);
  await assert.rejects(other.commit([put({ ann: 9 })], at(1), undefined), {
    code: 'CHECKPOINT_MISMATCH',
    message: 'The store of voting was written by another process',
  });
  await other.commit([put({ bob: 1 })], at(3), 1);
  await assert.rejects(one.commit([put({ ann: 9 })], at(2), 1), { code: 'CHECKPOINT_MISMATCH' });
  assert.deepEqual([await votesIn(one), (await one.checkpoint())?.position], [{ ann: 1, bob: 1 }, 3]);
});

test('a snapshot stays at its moment, frontier and rows, while the store goes on', async () => {
  await using polls = openPolls();
  const store = await polls.open();
  await using empty = await store.snapshot();
  await store.commit([put({ ann: 1 })], at(1, 10n), undefined);
  await using snapshot = await store.snapshot();
  await store.commit([put({ ann: 2 })], at(2, 20n), 1);
  assert.deepEqual([empty.position, empty.frontier, await votesAt(empty)], [0, {}, {}]);
  assert.deepEqual(
    [snapshot.position, snapshot.frontier, await votesAt(snapshot)],
    [1, { town: lsn(10n) }, { ann: 1 }],
  );
  assert.deepEqual(await votesIn(store), { ann: 2 });
});

test('pages walk a table in key order, text by its bytes, each row once', async () => {
  const columns = { word: text(), number: int() };
  const pairs: Projection = { ...voting, tables: { pairs: table({ key: ['word', 'number'], columns }) } };
  const ordered = ['', 'Z', 'a', 'ä', '\uffff', '🌳'].flatMap((word) =>
    [-5, 2, 10].map((number) => ({ word, number })),
  );
  await using polls = openPolls();
  const store = await polls.open({ projection: pairs });
  await store.commit([{ table: 'pairs', upserts: ordered.toReversed(), deletes: [] }], at(1), undefined);
  await using snapshot = await store.snapshot();
  for (const limit of [1, 4, 100]) {
    const rows: Row[] = [];
    for (;;) {
      const page = await snapshot.page('pairs', rows.at(-1), limit);
      if (page.length === 0) break;
      rows.push(...page);
    }
    assert.deepEqual(rows, ordered);
  }
});

test('a query names its parameters by number, and cannot write', async () => {
  await using polls = openPolls();
  const store = await polls.open();
  await store.commit([put({ ann: 1, bob: 2 })], at(1), undefined);
  await using snapshot = await store.snapshot();
  const found = await snapshot.read.all(
    'SELECT name FROM candidates WHERE votes = $2 AND (name = $1 OR $1 IS NULL)',
    ['bob', 2],
    { name: { kind: 'text', isNullable: false, default: undefined } },
  );
  assert.deepEqual(found, [{ name: 'bob' }]);
  await assert.rejects(snapshot.read.all('DELETE FROM candidates'), /readonly/);
});

test('too many readers wait for a snapshot to be given back, which counts once however often it is closed', async () => {
  await using polls = openPolls();
  const store = await polls.open({ snapshots: 2 });
  const lent = [await store.snapshot(), await store.snapshot()];
  const opened: string[] = [];
  const waiting = ['third', 'fourth'].map(async (name) => {
    const snapshot = await store.snapshot();
    opened.push(name);
    return snapshot;
  });
  await lent[0]![Symbol.asyncDispose]();
  await lent[0]![Symbol.asyncDispose]();
  const third = await waiting[0]!;
  await store.commit([], at(1), undefined);
  assert.deepEqual(opened, ['third']);
  await third[Symbol.asyncDispose]();
  const fourth = await waiting[1]!;
  assert.deepEqual([fourth.position, opened], [1, ['third', 'fourth']]);
  for (const snapshot of [fourth, lent[1]!]) await snapshot[Symbol.asyncDispose]();
});

test('a snapshot that cannot be opened takes no place of those that can', async () => {
  await using polls = openPolls();
  const store = await polls.open({ snapshots: 1 });
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(polls.folder, `store.db${suffix}`));
  for (let time = 0; time < 3; time += 1) await assert.rejects(store.snapshot(), /unable to open/);
});

test('a store closed while it is read lets its reader finish', async () => {
  await using polls = openPolls();
  const store = await polls.open();
  await store.commit([put({ ann: 1 })], at(1), undefined);
  const snapshot = await store.snapshot();
  await store[Symbol.asyncDispose]();
  assert.deepEqual(await votesAt(snapshot), { ann: 1 });
  await snapshot[Symbol.asyncDispose]();
  await assert.rejects(votesAt(snapshot));
});

test('tables of another version or shape are refused, and left as they are', async () => {
  await using polls = openPolls();
  const store = await polls.open();
  await store.commit([put({ ann: 1 })], at(1), undefined);
  const wider = table({ key: ['name'], columns: { name: text(), votes: int(), colour: text() } });
  for (const other of [
    { ...voting, version: 2 },
    { ...voting, tables: { candidates: wider } },
  ]) {
    const path = join(polls.folder, 'store.db');
    await assert.rejects(openSqliteReadStore({ path, projection: other }), {
      code: 'STORE_SCHEMA',
      message: 'The store has the tables of another version of the projection voting',
      at: path,
    });
  }
  assert.deepEqual(await votesIn(await polls.open()), { ann: 1 });
});

function at(position: number, town?: bigint): StoreCheckpoint {
  return { log: LOG, position, frontier: town === undefined ? {} : { town: lsn(town) } };
}

function put(votes: Readonly<Record<string, number>>): Parameters<ReadStore['commit']>[0][number] {
  const upserts = Object.entries(votes).map(([name, count]) => ({ name, votes: count }));
  return { table: 'candidates', upserts, deletes: [] };
}
