// append: expectations, atomicity across streams, order, and neighbours.
import assert from 'node:assert/strict';
import type { EventStore } from '../../../event-store/event-store.ts';
import type { ExpectedVersion } from '../../../kernel/stream.ts';
import { appended, type EventStoreCase, eventsOf, idsOf, newEvent, streamOf, times, write } from './case.ts';

/** [expected, version of the stream, whether it holds] */
const EXPECTATIONS: readonly (readonly [ExpectedVersion, number, boolean])[] = [
  ['any', 0, true],
  ['any', 2, true],
  ['none', 0, true],
  ['none', 2, false],
  ['exists', 0, false],
  ['exists', 2, true],
  [0, 0, true],
  [0, 2, false],
  [1, 2, false],
  [2, 2, true],
  [3, 2, false],
  [1, 0, false],
];

export const appendCases: readonly EventStoreCase[] = [
  {
    name: 'versions are dense in their stream, positions grow, and the outcome names both',
    async run(log) {
      await using store = await log.open();
      const first = await appended(store.append([write('post-1', 'none', [newEvent(), newEvent()])]));
      const second = await appended(store.append([write('post-2'), write('post-1', 2, [newEvent()])]));
      assert.deepEqual(first.versions, { 'post-1': 2 });
      assert.deepEqual(second.versions, { 'post-2': 1, 'post-1': 3 });
      assert.equal(first.isDuplicate, false);
      const events = await eventsOf(store);
      assert.deepEqual(
        events.map(({ stream, version }) => `${stream}@${version}`),
        ['post-1@1', 'post-1@2', 'post-2@1', 'post-1@3'],
      );
      assertGrowing(events.map(({ position }) => position));
      assert.equal(events[1]!.position, first.position);
      assert.equal(events[3]!.position, second.position);
      assert.equal((await store.head()).position, second.position);
    },
  },
  {
    name: 'each kind of expectation holds and fails as its table says, and a conflict names the actual version',
    async run(log) {
      await using store = await log.open();
      for (const [index, [expected, version, holds]] of EXPECTATIONS.entries()) {
        const stream = `post-${index}`;
        if (version > 0)
          await appended(
            store.append([
              write(
                stream,
                'none',
                times(version, () => newEvent()),
              ),
            ]),
          );
        const before = await store.head();
        const outcome = await store.append([write(stream, expected)]);
        if (holds) {
          assert.equal(outcome.outcome, 'appended', `${expected} on ${version}`);
        } else {
          assert.deepEqual(outcome, { outcome: 'conflict', stream, expected, actual: version });
          assert.deepEqual(await store.head(), before);
        }
        assert.equal((await streamOf(store, stream)).length, holds ? version + 1 : version);
      }
    },
  },
  {
    name: 'an append to several streams is written whole or not at all',
    async run(log) {
      await using store = await log.open();
      await appended(store.append([write('post-1')]));
      const stale = [write('user-1', 'none'), write('post-1', 0), write('tag-1', 'none')];
      assert.deepEqual(await store.append(stale), {
        outcome: 'conflict',
        stream: 'post-1',
        expected: 0,
        actual: 1,
      });
      assert.equal((await eventsOf(store)).length, 1);
      assert.deepEqual(await streamOf(store, 'user-1'), []);
      await appended(store.append([write('user-1', 'none'), write('post-1', 1), write('tag-1', 'none')]));
      assert.deepEqual(
        (await eventsOf(store)).map(({ stream }) => stream),
        ['post-1', 'user-1', 'post-1', 'tag-1'],
      );
    },
  },
  {
    name: 'a stream may stand in several writes; each expectation sees the writes before it',
    async run(log) {
      await using store = await log.open();
      const outcome = await appended(
        store.append([
          write('post-1', 'none'),
          write('user-1', 0),
          write('post-1', 1),
          write('post-1', 'exists'),
        ]),
      );
      assert.deepEqual(outcome.versions, { 'post-1': 3, 'user-1': 1 });
      assert.deepEqual(await store.append([write('post-2', 'none'), write('post-2', 'none')]), {
        outcome: 'conflict',
        stream: 'post-2',
        expected: 'none',
        actual: 1,
      });
      assert.deepEqual(await streamOf(store, 'post-2'), []);
    },
  },
  {
    name: 'a write without events only checks its expectation',
    async run(log) {
      await using store = await log.open();
      await appended(store.append([write('post-1')]));
      const refused = await store.append([write('post-1', 'none', []), write('post-2')]);
      assert.equal(refused.outcome, 'conflict');
      const { versions } = await appended(store.append([write('post-1', 1, []), write('post-2')]));
      assert.deepEqual(versions, { 'post-1': 1, 'post-2': 1 });
      assert.equal((await eventsOf(store)).length, 2);
    },
  },
  {
    name: 'of 20 parallel appends that expect none, with 20 event types, exactly one succeeds',
    async run(log) {
      await using store = await log.open();
      const outcomes = await Promise.all(
        times(20, (index) => store.append([write('post-1', 'none', [newEvent(`Type${index}`)])])),
      );
      assert.equal(outcomes.filter(({ outcome }) => outcome === 'appended').length, 1);
      assert.equal((await streamOf(store, 'post-1')).length, 1);
      for (const outcome of outcomes) {
        if (outcome.outcome === 'conflict') assert.equal(outcome.actual, 1);
      }
    },
  },
  {
    name: 'parallel appends that retry on conflict all get in, one version each',
    async run(log) {
      await using store = await log.open();
      await Promise.all(times(12, () => appendInTurn(store, 'post-1')));
      const events = await streamOf(store, 'post-1');
      assert.deepEqual(
        events.map(({ version }) => version),
        times(12, (index) => index + 1),
      );
    },
  },
  {
    name: 'a conflict costs its neighbours nothing, and positions follow the order of completed appends',
    async run(log) {
      await using store = await log.open();
      await appended(store.append([write('post-0')]));
      const done: number[] = [];
      await Promise.all(
        times(50, async (index) => {
          const outcome = await store.append([write(`post-${index % 25}`, 'none')]);
          if (outcome.outcome === 'appended') done.push(outcome.position);
        }),
      );
      assert.equal(done.length, 24);
      assertGrowing(done);
    },
  },
  {
    name: 'an append of 200 events over streams is whole, dense and in order',
    async run(log) {
      await using store = await log.open();
      const events = times(200, (index) => newEvent('Written', { index }));
      await appended(store.append(events.map((event, index) => write(`post-${index % 7}`, 'any', [event]))));
      assert.deepEqual(idsOf(await eventsOf(store)), idsOf(events));
      const sixth = await streamOf(store, 'post-6');
      assert.deepEqual(
        sixth.map(({ version }) => version),
        times(28, (index) => index + 1),
      );
    },
  },
];

async function appendInTurn(store: EventStore, stream: string): Promise<void> {
  for (let expected = 0; ; ) {
    const outcome = await store.append([write(stream, expected)]);
    if (outcome.outcome === 'appended') return;
    assert.equal(outcome.outcome, 'conflict');
    expected = outcome.actual;
  }
}

function assertGrowing(positions: readonly number[]): void {
  positions.forEach((position, index) => {
    assert.ok(Number.isSafeInteger(position) && position > (positions[index - 1] ?? 0), String(positions));
  });
}
