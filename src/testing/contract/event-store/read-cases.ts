// readStream and readLog: order, bounds, filters, resumption, frontiers.
import assert from 'node:assert/strict';
import type { EventStore, LogFilter } from '../../../event-store/event-store.ts';
import { LSN_ZERO, lsn } from '../../../kernel/lsn.ts';
import {
  appended,
  batchesOf,
  type EventStoreCase,
  eventsOf,
  idsOf,
  newEvent,
  streamOf,
  times,
  write,
} from './case.ts';

const FILTERS: readonly LogFilter[] = [
  {},
  { categories: ['post'] },
  { categories: ['user', 'post', 'user'] },
  { types: ['Rare'] },
  { types: ['Written', 'Rare'] },
  { categories: ['tag', 'user'], types: ['Written'] },
  { categories: ['absent'] },
  { types: ['Absent'] },
  { categories: [] },
  { types: [] },
];

export const readCases: readonly EventStoreCase[] = [
  {
    name: 'an empty log has head 0, one empty batch and empty streams',
    async run(log) {
      await using store = await log.open();
      assert.deepEqual(await store.head(), { position: 0, progress: [] });
      assert.deepEqual(await batchesOf(store), [{ events: [], upTo: 0, head: 0, frontier: {} }]);
      assert.deepEqual(await streamOf(store, 'post-1'), []);
    },
  },
  {
    name: 'a stream is read in version order, after a version, in batches, and alone',
    async run(log) {
      await using store = await log.open();
      await fill(store, 60);
      const whole = await streamOf(store, 'post-0');
      assert.deepEqual(
        whole.map(({ version }) => version),
        times(whole.length, (index) => index + 1),
      );
      assert.ok(whole.every(({ stream }) => stream === 'post-0'));
      assert.deepEqual(await streamOf(store, 'post-0', { afterVersion: 2, batchSize: 3 }), whole.slice(2));
      assert.deepEqual(await streamOf(store, 'post-0', { afterVersion: 1000 }), []);
      for await (const batch of store.readStream('post-0', { batchSize: 3 })) assert.ok(batch.length <= 3);
    },
  },
  {
    name: 'a stream read ends where the stream ended when it began',
    async run(log) {
      await using store = await log.open();
      await appended(
        store.append([
          write(
            'post-1',
            'none',
            times(4, () => newEvent()),
          ),
        ]),
      );
      let count = 0;
      for await (const events of store.readStream('post-1', { batchSize: 2 })) {
        count += events.length;
        await appended(store.append([write('post-1', 'any', [newEvent(), newEvent()])]));
      }
      assert.equal(count, 4);
    },
  },
  {
    name: '`after` is exclusive, `upTo` inclusive, and the last batch covers it, also past the head',
    async run(log) {
      await using store = await log.open();
      await fill(store, 40);
      const all = await eventsOf(store);
      const [from, to] = [all[9]!.position, all[29]!.position];
      for (const batchSize of [1, 7, 20, 1000]) {
        const batches = await batchesOf(store, { after: from, upTo: to, batchSize });
        assert.deepEqual(
          batches.flatMap(({ events }) => events),
          all.slice(10, 30),
        );
        assert.ok(batches.at(-1)!.upTo >= to);
        assert.ok(batches.every(({ events }) => events.length <= batchSize));
      }
      const head = all.at(-1)!.position;
      assert.equal((await batchesOf(store, { upTo: head + 1000 })).at(-1)?.upTo, head);
      assert.deepEqual(await eventsOf(store, { after: head }), []);
    },
  },
  {
    name: 'every filter gives exactly its events, its last `upTo` covers the head, and each batch resumes exactly',
    async run(log) {
      await using store = await log.open();
      await fill(store, 90);
      const { position: head } = await store.head();
      const all = await eventsOf(store);
      for (const filter of FILTERS) {
        const wanted = all.filter((event) => isWanted(event, filter));
        for (const batchSize of [1, 4, 1000]) {
          const batches = await batchesOf(store, { ...filter, batchSize });
          const given = batches.flatMap(({ events }) => events);
          assert.deepEqual(given, wanted, JSON.stringify(filter));
          assert.equal(batches.at(-1)!.upTo, head);
          let seen = 0;
          let before = 0;
          for (const batch of batches) {
            seen += batch.events.length;
            assert.ok(batch.events.every(({ position }) => position > before && position <= batch.upTo));
            assert.ok(batch.upTo <= batch.head);
            assert.deepEqual(await eventsOf(store, { ...filter, after: batch.upTo }), wanted.slice(seen));
            before = batch.upTo;
          }
        }
      }
    },
  },
  {
    name: 'a log read ends at the head of the moment when it began',
    async run(log) {
      await using store = await log.open();
      await fill(store, 10);
      const before = idsOf(await eventsOf(store));
      const given: string[] = [];
      for await (const { events } of store.readLog({ after: 0, batchSize: 3 })) {
        given.push(...idsOf(events));
        await fill(store, 2);
      }
      assert.deepEqual(given, before);
    },
  },
  {
    name: 'what an append resolved is seen by every read that begins after it',
    async run(log) {
      await using store = await log.open();
      for (const index of times(60, (index) => index)) {
        const event = newEvent();
        const { position } = await appended(store.append([write(`post-${index % 3}`, 'any', [event])]));
        assert.equal((await store.head()).position, position);
        assert.deepEqual(idsOf(await eventsOf(store, { after: position - 1 })), [event.id]);
        assert.equal((await streamOf(store, `post-${index % 3}`)).at(-1)?.id, event.id);
      }
    },
  },
  {
    name: 'a frontier is never ahead of the events and is the stored progress at the head',
    async run(log) {
      await using store = await log.open();
      const progress = (index: number) => ({ name: 'monolith', lsn: lsn(BigInt(index)), position: 0 });
      for (const index of times(30, (index) => index)) {
        const expected = index === 0 ? undefined : progress(index);
        const writes = [write('post-1', 'any', [newEvent('Written', { lsn: index + 1 })])];
        await appended(store.append(writes, { source: { ...progress(index + 1), expected } }));
      }
      const all = await eventsOf(store);
      for (const filter of [{}, { types: ['Absent'] }]) {
        const batches = await batchesOf(store, { ...filter, batchSize: 4 });
        for (const { upTo, frontier } of batches) {
          const behind = all.filter((event) => lsnOf(event.data) <= (frontier.monolith ?? LSN_ZERO));
          assert.ok(behind.every(({ position }) => position <= upTo));
        }
        assert.deepEqual(batches.at(-1)!.frontier, { monolith: 30n });
      }
    },
  },
  {
    name: 'an aborted signal ends a read early, without an error',
    async run(log) {
      await using store = await log.open();
      await fill(store, 30);
      const abort = new AbortController();
      let batches = 0;
      for await (const _ of store.readLog({ after: 0, batchSize: 5, signal: abort.signal })) {
        batches += 1;
        if (batches === 2) abort.abort();
      }
      assert.equal(batches, 2);
      assert.deepEqual(await eventsOf(store, { signal: abort.signal }), []);
      assert.deepEqual(await streamOf(store, 'post-0', { signal: abort.signal }), []);
    },
  },
  {
    name: 'impossible bounds and batch sizes are refused with a RangeError',
    async run(log) {
      await using store = await log.open();
      for (const options of [{ after: -1 }, { after: 0.5 }, { upTo: -1 }, { batchSize: 0 }]) {
        await assert.rejects(() => eventsOf(store, options), RangeError);
      }
      await assert.rejects(() => streamOf(store, 'post-1', { afterVersion: -1 }), RangeError);
      await assert.rejects(() => streamOf(store, 'post-1', { batchSize: 0 }), RangeError);
    },
  },
];

/** Several categories and types, in appends of one to three events. */
async function fill(store: EventStore, count: number): Promise<void> {
  for (let index = 0; index < count; index += 3) {
    const writes = times(Math.min(3, count - index), (offset) => {
      const number = index + offset;
      const category = number % 10 === 9 ? 'tag' : number % 3 === 2 ? 'user' : 'post';
      return write(`${category}-${number % 4}`, 'any', [newEvent(number % 11 === 5 ? 'Rare' : 'Written')]);
    });
    await appended(store.append(writes));
  }
}

function isWanted(event: { category: string; type: string }, { categories, types }: LogFilter): boolean {
  return (categories?.includes(event.category) ?? true) && (types?.includes(event.type) ?? true);
}

function lsnOf(data: unknown): bigint {
  return BigInt((data as { lsn: number }).lsn);
}
