// The fold of a batch against two other ways to the same rows: one commit per event, and a table held in a map that knows
// nothing of batches.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { bool, float, int, json, text } from '../../src/domain/column.ts';
import { table } from '../../src/domain/define-table.ts';
import type { Projection, Row, StoreTable, TableWriter } from '../../src/domain/domain.ts';
import { BatchFold } from '../../src/projection/batch-fold.ts';
import { RowFault } from '../../src/projection/checked-row.ts';
import { openSqliteReadStore } from '../../src/projection/sqlite/sqlite-read-store.ts';

const tables = {
  posts: table({
    key: ['id'],
    columns: {
      id: text(),
      views: int().defaultsTo(0),
      score: float().defaultsTo(1.5),
      title: text().nullable(),
      isLive: bool().defaultsTo(false),
      extra: json().nullable(),
    },
  }),
  claps: table({
    key: ['post', 'member'],
    columns: { post: text(), member: int(), count: int().defaultsTo(0), note: text().defaultsTo('') },
  }),
};
const projection: Projection = { name: 'posts', version: 1, tables, on: {} };
type Name = keyof typeof tables;

type Change =
  | { readonly does: 'upsert' | 'patch'; readonly at: Name; readonly key: Row; readonly columns: Row }
  | {
      readonly does: 'increment';
      readonly at: Name;
      readonly key: Row;
      readonly by: Readonly<Record<string, number>>;
    }
  | { readonly does: 'delete'; readonly at: Name; readonly key: Row }
  /** Reads a post and writes what it read into a clap. */
  | { readonly does: 'look'; readonly from: Row; readonly key: Row };
type Event = readonly Change[];

async function handle(event: Event, writers: Readonly<Record<string, TableWriter>>): Promise<void> {
  for (const change of event) {
    if (change.does === 'look') {
      const [found, again] = await Promise.all([
        writers.posts!.get(change.from),
        writers.posts!.get(change.from),
      ]);
      assert.deepEqual(found, again);
      writers.claps!.upsert({ ...change.key, count: found?.views ?? -1, note: inspect(found) });
      // What a handler does to what it was given stays its own affair.
      if (found) Object.assign(found, { views: 77, extra: null });
      continue;
    }
    const writer = writers[change.at]!;
    if (change.does === 'upsert') writer.upsert({ ...change.columns, ...change.key });
    else if (change.does === 'patch') writer.patch(change.key, change.columns);
    else if (change.does === 'increment') writer.increment(change.key, change.by);
    else writer.delete(change.key);
  }
}

const postKey = fc.constantFrom('a', 'ä', '🌳').map((id) => ({ id }));
const clapKey = fc.record({ post: fc.constantFrom('a', 'a1'), member: fc.constantFrom(1, 11) });
const words = fc.constantFrom('', 'word', 'a\u0000b', '\ud800', "o'clock");
const postColumns = fc.record(
  {
    views: fc.constantFrom(0, -0, 7, Number.MAX_SAFE_INTEGER - 100),
    score: fc.constantFrom(-0, 0.1, 1e300),
    title: fc.option(words),
    isLive: fc.boolean(),
    extra: fc.option(fc.jsonValue({ maxDepth: 1 })),
  },
  { requiredKeys: [] },
);
const clapColumns = fc.record({ count: fc.integer({ min: 0, max: 50 }), note: words }, { requiredKeys: [] });
const addend = fc.constantFrom(-1, 0, -0, 1);

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    does: fc.constantFrom('upsert', 'patch'),
    at: fc.constant('posts'),
    key: postKey,
    columns: postColumns,
  }),
  fc.record({
    does: fc.constantFrom('upsert', 'patch'),
    at: fc.constant('claps'),
    key: clapKey,
    columns: clapColumns,
  }),
  fc.record({
    does: fc.constant('increment'),
    at: fc.constant('posts'),
    key: postKey,
    by: fc.record({ views: addend, score: addend }, { requiredKeys: ['views'] }),
  }),
  fc.record({
    does: fc.constant('increment'),
    at: fc.constant('claps'),
    key: clapKey,
    by: fc.record({ count: addend }),
  }),
  fc.record({ does: fc.constant('delete'), at: fc.constant('posts'), key: postKey }),
  fc.record({ does: fc.constant('delete'), at: fc.constant('claps'), key: clapKey }),
  fc.record({ does: fc.constant('look'), from: postKey, key: clapKey }),
);
/** Events, each with whether the batch ends after it. */
const workload = fc.array(fc.tuple(fc.array(change, { minLength: 1, maxLength: 4 }), fc.boolean()), {
  maxLength: 25,
});

test('any cut of the log into batches leaves the rows that the handlers leave one by one', async () => {
  await fc.assert(
    fc.asyncProperty(workload, async (events) => {
      const oneByOne = await project(events.map(([event]) => [event]));
      const batched = await project(batchesOf(events));
      assert.deepEqual(batched, oneByOne);
      assert.deepEqual(batched, await mapped(events.map(([event]) => event)));
    }),
    { numRuns: 150 },
  );
});

test('each row is written once per batch, and a batch that changes nothing writes nothing', async () => {
  await using store = await openSqliteReadStore({ path: ':memory:', projection });
  const fold = new BatchFold(projection, store);
  fold.tables.posts!.increment({ id: 'a' }, { views: 1 });
  fold.tables.posts!.increment({ id: 'a' }, { views: 1 });
  fold.tables.posts!.upsert({ id: 'b', title: 'gone again' });
  fold.tables.posts!.delete({ id: 'b' });
  const [posts, ...others] = await fold.changes();
  assert.deepEqual(others, []);
  assert.deepEqual(
    posts!.upserts.map(({ id, views }) => [id, views]),
    [['a', 2]],
  );
  assert.deepEqual(posts!.deletes, [{ id: 'b' }]);
  fold.clear();
  fold.tables.posts!.patch({ id: 'nobody' }, { title: 'patches need a row' });
  await fold.tables.posts!.get({ id: 'a' });
  assert.deepEqual(await fold.changes(), []);
});

test('what a table does not have is left out of a row; what does not fit a column is refused by name', async () => {
  await using store = await openSqliteReadStore({ path: ':memory:', projection });
  const fold = new BatchFold(projection, store);
  const { posts, claps } = fold.tables as Record<Name, TableWriter>;
  posts.upsert({ id: 'a', views: 1, viewers: 9 });
  assert.deepEqual(Object.keys((await posts.get({ id: 'a' }))!), Object.keys(tables.posts.columns));
  const refused: readonly (readonly [() => void, string])[] = [
    [() => posts.upsert({ id: 7 }), 'Column posts.id takes text, not this number'],
    [() => posts.upsert({ id: 'a', views: '1' }), 'Column posts.views takes a whole number, not this string'],
    [
      () => posts.patch({ id: 'a' }, { views: 0.5 }),
      'Column posts.views takes a whole number, not this number',
    ],
    [
      () => posts.patch({ id: 'a' }, { score: Number.NaN }),
      'Column posts.score takes a finite number, not this number',
    ],
    [
      () => posts.patch({ id: 'a' }, { isLive: 1 }),
      'Column posts.isLive takes true or false, not this number',
    ],
    [
      () => posts.patch({ id: 'a' }, { views: null }),
      'Column posts.views takes a whole number and was given none',
    ],
    [
      () => posts.patch({ id: 'a' }, { id: 'b' }),
      'Column posts.id is of the key, which a patch cannot change',
    ],
    [
      () => posts.increment({ id: 'a' }, { title: 1 }),
      'Column posts.title is no number that can be incremented',
    ],
    [
      () => posts.increment({ id: 'a' }, { viewers: 1 }),
      'Column posts.viewers is no number that can be incremented',
    ],
    [() => claps.delete({ post: 'a' }), 'Column claps.member takes a whole number and was given none'],
    [() => claps.delete({ post: 'a\u0000', member: 1 }), 'Column claps.post of a key holds a NUL'],
  ];
  for (const [act, message] of refused) {
    assert.throws(act, (error) => error instanceof RowFault && error.message === message, message);
  }
});

function batchesOf(events: readonly (readonly [Event, boolean])[]): readonly (readonly Event[])[] {
  const batches: Event[][] = [[]];
  for (const [event, endsBatch] of events) {
    batches.at(-1)!.push(event);
    if (endsBatch) batches.push([]);
  }
  return batches;
}

async function project(batches: readonly (readonly Event[])[]): Promise<unknown> {
  await using store = await openSqliteReadStore({ path: ':memory:', projection });
  const fold = new BatchFold(projection, store);
  for (const [index, batch] of batches.entries()) {
    for (const event of batch) await handle(event, fold.tables);
    const checkpoint = { log: { id: 'log', recoveryEpoch: 0 }, position: index + 1, frontier: {} };
    await store.commit(await fold.changes(), checkpoint, index === 0 ? undefined : index);
    fold.clear();
  }
  return rowsOf((name, key) => store.load(name, [key]).then(([row]) => row));
}

/** The same events over plain maps: what `TableWriter` says, word by word. */
async function mapped(events: readonly Event[]): Promise<unknown> {
  const maps = Object.fromEntries(Object.entries(tables).map(([name, each]) => [name, new MapTable(each)]));
  for (const event of events) await handle(event, maps);
  return rowsOf((name, key) => maps[name]!.get(key));
}

class MapTable implements TableWriter {
  readonly #rows = new Map<string, Row>();
  readonly #table: StoreTable;

  constructor(of: StoreTable) {
    this.#table = of;
  }

  upsert(row: Row): void {
    const whole = Object.entries(this.#table.columns).map(([name, column]) => [
      name,
      row[name] ?? column.default ?? null,
    ]);
    this.#put(Object.fromEntries(whole) as Row);
  }

  patch(key: Row, columns: Row): void {
    const row = this.#rows.get(this.#id(key));
    if (row) this.#put({ ...row, ...columns });
  }

  increment(key: Row, by: Readonly<Record<string, number>>): void {
    if (!this.#rows.has(this.#id(key))) this.upsert(key);
    const row = this.#rows.get(this.#id(key))!;
    const sums = Object.entries(by).map(([name, value]) => [name, (row[name] as number) + value]);
    this.#put({ ...row, ...Object.fromEntries(sums) });
  }

  delete(key: Row): void {
    this.#rows.delete(this.#id(key));
  }

  async get(key: Row): Promise<Row | undefined> {
    const row = this.#rows.get(this.#id(key));
    return row && structuredClone(row);
  }

  /** As any store keeps them: JSON has no -0, and text no half of a pair. */
  #put(row: Row): void {
    const kept = JSON.parse(JSON.stringify(row).replaceAll('\\ud800', '\ufffd')) as Row;
    this.#rows.set(this.#id(row), kept);
  }

  #id(key: Row): string {
    return JSON.stringify(this.#table.key.map((name) => key[name]));
  }
}

async function rowsOf(get: (name: Name, key: Row) => Promise<Row | undefined>): Promise<unknown> {
  const keys: readonly (readonly [Name, Row])[] = [
    ...['a', 'ä', '🌳'].map((id) => ['posts', { id }] as const),
    ...['a', 'a1'].flatMap((post) => [1, 11].map((member) => ['claps', { post, member }] as const)),
  ];
  return Promise.all(keys.map(([name, key]) => get(name, key)));
}
