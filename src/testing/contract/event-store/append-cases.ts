// append: expectations, atomicity, order, idempotency, and what is refused.
import assert from 'node:assert/strict';
import type { EventStore, StreamWrite } from '../../../event-store/event-store.ts';
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

const MALFORMED: Readonly<Record<string, StreamWrite>> = {
  'a stream without category': write('-1'),
  'a stream without id': write('post-'),
  'a stream without hyphen': write('post'),
  'a stream with NUL': write('post-\0'),
  'a stream with a lone surrogate': write('post-\ud800'),
  'a fractional version': write('post-1', 1.5),
  'a negative version': write('post-1', -1),
  'data that is undefined': write('post-1', 'any', [newEvent('Written', undefined)].map(withoutData)),
  'data with a bigint': write('post-1', 'any', [newEvent('Written', { claps: 1n })]),
  'an empty type': write('post-1', 'any', [newEvent('')]),
};

const HOSTILE_IDS = [
  'a.b',
  '*',
  '>',
  'a b',
  '%',
  '%25',
  '=2E',
  '$sys',
  "'; DROP TABLE event; --",
  '-',
  '--',
  '🌳',
  'ä',
  '漢字',
  '\\',
  '"',
  '__proto__',
  '\n',
  'x'.repeat(500),
];

export const appendCases: readonly EventStoreCase[] = [
  {
    name: 'an event comes back as it was written, with its place',
    async run(log) {
      await using store = await log.open();
      const event = {
        ...newEvent('PostWritten', { title: 'Roots', tags: ['a', null], claps: 3, open: true }),
        schemaVersion: 4,
        meta: {
          origin: 'capture',
          source: { name: 'monolith', lsn: '16/B374D848', xid: '7' },
          causationId: 'c',
          correlationId: 'd',
          traceparent: '00-1-2-01',
          actor: 'ann',
        },
      } as const;
      const { position } = await appended(store.append([write('post-42', 'none', [event])]));
      const recorded = { ...event, stream: 'post-42', category: 'post', version: 1, position };
      assert.deepEqual(await eventsOf(store), [recorded]);
      assert.deepEqual(await streamOf(store, 'post-42'), [recorded]);
    },
  },
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
  {
    name: 'malformed input rejects with a RangeError and writes nothing',
    async run(log) {
      await using store = await log.open();
      for (const [what, malformed] of Object.entries(MALFORMED)) {
        await assert.rejects(() => store.append([write('post-9'), malformed]), RangeError, what);
      }
      assert.deepEqual(await eventsOf(store), []);
    },
  },
  {
    name: 'stream ids may hold anything',
    async run(log) {
      await using store = await log.open();
      for (const id of HOSTILE_IDS) await appended(store.append([write(`post-${id}`, 'none')]));
      for (const id of HOSTILE_IDS) {
        const [event] = await streamOf(store, `post-${id}`);
        assert.equal(event?.stream, `post-${id}`);
        assert.equal(event?.category, 'post');
      }
      assert.equal((await eventsOf(store, { categories: ['post'] })).length, HOSTILE_IDS.length);
    },
  },
  {
    name: 'data may be any JSON',
    async run(log) {
      await using store = await log.open();
      const data = [
        null,
        0,
        -1.5e-7,
        Number.MAX_SAFE_INTEGER,
        '',
        'quote " back \\ line \n tab \t 🌳 漢字 \u2028',
        [],
        [[[1]]],
        { '': { 'a.b': [{ '🌳': false }] } },
        'x'.repeat(100_000),
      ];
      await appended(
        store.append([
          write(
            'post-1',
            'none',
            data.map((value) => newEvent('Written', value)),
          ),
        ]),
      );
      assert.deepEqual(
        (await eventsOf(store)).map((event) => event.data),
        data,
      );
    },
  },
  {
    name: 'what a writer or reader does to an event later does not change the log',
    async run(log) {
      await using store = await log.open();
      const data = { title: 'Roots' };
      await appended(store.append([write('post-1', 'none', [newEvent('Written', data)])]));
      data.title = 'changed by the writer';
      for (const event of await eventsOf(store))
        Object.assign(event.data as object, { title: 'by a reader' });
      assert.deepEqual((await streamOf(store, 'post-1'))[0]?.data, { title: 'Roots' });
    },
  },
  {
    name: 'an idempotency key used before writes nothing and returns the recorded outcome, whatever came since',
    async run(log) {
      await using store = await log.open();
      const writes = [write('post-1', 'none')];
      const first = await appended(store.append(writes, { idempotencyKey: 'k1' }));
      await appended(store.append([write('post-1', 1), write('user-1')]));
      const again = await store.append(writes, { idempotencyKey: 'k1' });
      assert.deepEqual(again, { ...first, isDuplicate: true });
      assert.deepEqual(await store.append(writes, { idempotencyKey: 'k1' }), again);
      assert.equal((await eventsOf(store)).length, 3);
      assert.equal((await store.append(writes, { idempotencyKey: 'k2' })).outcome, 'conflict');
    },
  },
  {
    name: 'a conflict is not recorded under its key',
    async run(log) {
      await using store = await log.open();
      const writes = [write('post-1', 1)];
      assert.equal((await store.append(writes, { idempotencyKey: 'k' })).outcome, 'conflict');
      await appended(store.append([write('post-1', 'none')]));
      assert.equal((await appended(store.append(writes, { idempotencyKey: 'k' }))).isDuplicate, false);
    },
  },
  {
    name: 'racing copies of one append under one key write once and agree',
    async run(log) {
      await using store = await log.open();
      const outcomes = await Promise.all(
        times(8, () => appended(store.append([write('post-1', 'any')], { idempotencyKey: 'k' }))),
      );
      assert.equal(outcomes.filter(({ isDuplicate }) => !isDuplicate).length, 1);
      assert.equal(new Set(outcomes.map(({ position }) => position)).size, 1);
      assert.equal((await eventsOf(store)).length, 1);
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

function withoutData<T>(event: T): T {
  return { ...event, data: undefined };
}
