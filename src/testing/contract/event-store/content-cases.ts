// What an event may hold, that it comes back unchanged, and what is refused.
import assert from 'node:assert/strict';
import type { StreamWrite } from '../../../event-store/event-store.ts';
import type { NewEvent } from '../../../kernel/event.ts';
import { appended, type EventStoreCase, eventsOf, newEvent, streamOf, write } from './case.ts';

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
  'meta with a bigint': write('post-1', 'any', [newEvent()].map(withBigMeta)),
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

export const contentCases: readonly EventStoreCase[] = [
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
];

/** What an untyped caller may hand over. */
function withoutData<T>(event: T): T {
  return { ...event, data: undefined };
}

function withBigMeta(event: NewEvent): NewEvent {
  return { ...event, meta: Object.assign({ origin: 'command' } as const, { claps: 1n }) };
}
