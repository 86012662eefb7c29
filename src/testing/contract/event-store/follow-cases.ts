// subscribe: catching up, then live, without a gap; frontiers; back-pressure; its end.
import assert from 'node:assert/strict';
import type { EventStore, SourceProgress } from '../../../event-store/event-store.ts';
import { lsn } from '../../../kernel/lsn.ts';
import {
  appended,
  type EventStoreCase,
  eventsOf,
  Follower,
  idsOf,
  newEvent,
  times,
  until,
  write,
} from './case.ts';

const WRITERS = 16;
const APPENDS = 25;

export const followCases: readonly EventStoreCase[] = [
  {
    name: 'the first batch of a subscription comes at once, also on an empty log',
    async run(log) {
      await using store = await log.open();
      await using follower = new Follower(store);
      await until('a first batch', () => follower.batches.length > 0);
      assert.deepEqual(follower.batches, [{ events: [], upTo: 0, head: 0, frontier: {} }]);
    },
  },
  {
    name: 'a subscription catches up from its place, then follows live',
    async run(log) {
      await using store = await log.open();
      const past = times(10, () => newEvent());
      await appended(store.append([write('post-1', 'none', past)]));
      const fourth = (await eventsOf(store))[3]!.position;
      await using follower = new Follower(store, { after: fourth, batchSize: 2 });
      await follower.hasReached((await store.head()).position);
      const live = [newEvent(), newEvent()];
      for (const event of live) {
        const { position } = await appended(store.append([write('post-2', 'any', [event])]));
        await follower.hasReached(position);
      }
      assert.deepEqual(idsOf(follower.events), idsOf([...past.slice(4), ...live]));
      assert.ok(follower.batches.every(({ events }) => events.length <= 2));
    },
  },
  {
    name: 'a subscription moves on when the filter hid what came, and gives only what it wants',
    async run(log) {
      await using store = await log.open();
      await using posts = new Follower(store, { categories: ['post'] });
      await using nothing = new Follower(store, { types: ['Absent'] });
      for (const category of ['user', 'post', 'user']) {
        const { position } = await appended(store.append([write(`${category}-1`)]));
        await Promise.all([posts.hasReached(position), nothing.hasReached(position)]);
      }
      assert.equal(posts.events.length, 1);
      assert.equal(nothing.events.length, 0);
    },
  },
  {
    name: 'a subscription yields when only a frontier moved',
    async run(log) {
      await using store = await log.open();
      await appended(store.append([write('post-1')]));
      await using follower = new Follower(store);
      await follower.hasReached((await store.head()).position);
      let expected: SourceProgress | undefined;
      for (const value of [7n, 8n, 11n]) {
        const source = { name: 'monolith', lsn: lsn(value), position: 0 };
        await appended(store.append([], { source: { ...source, expected } }));
        expected = source;
        await until(`frontier ${value}`, () => follower.last?.frontier.monolith === value);
      }
      assert.equal(follower.events.length, 1);
    },
  },
  {
    name: `under ${WRITERS} concurrent writers every subscription sees exactly the acknowledged events, in order`,
    async run(log) {
      await using store = await log.open();
      await using early = new Follower(store);
      await using narrow = new Follower(store, { batchSize: 3 });
      const acknowledged = new Map<string, number>();
      const writing = Promise.all(
        times(WRITERS, async (writer) => {
          for (const index of times(APPENDS, (index) => index)) {
            const event = newEvent('Written', { writer, index });
            const stream = `post-${(writer + index) % 5}`;
            const { position } = await appended(store.append([write(stream, 'any', [event])]));
            acknowledged.set(event.id, position);
          }
        }),
      );
      await until('half is written', () => acknowledged.size > (WRITERS * APPENDS) / 2);
      const middle = early.last!.upTo;
      await using late = new Follower(store, { after: middle });
      await writing;
      const { position: head } = await store.head();
      await Promise.all([early, narrow, late].map((follower) => follower.hasReached(head)));
      const inOrder = [...acknowledged].sort(([, a], [, b]) => a - b);
      const expected = inOrder.map(([id]) => id);
      assert.deepEqual(idsOf(early.events), expected);
      assert.deepEqual(idsOf(narrow.events), expected);
      const rest = inOrder.filter(([, position]) => position > middle).map(([id]) => id);
      assert.deepEqual(idsOf(late.events), rest);
    },
  },
  {
    name: 'no batch of a subscription claims a frontier whose events it has not covered',
    async run(log) {
      await using store = await log.open();
      await using follower = new Follower(store, { batchSize: 5 });
      await using filtered = new Follower(store, { categories: ['absent'] });
      await Promise.all([runSource(store, 'a'), runSource(store, 'b')]);
      const { position: head } = await store.head();
      const atEnd = { a: 40n, b: 40n };
      for (const { last } of [follower, filtered]) assert.ok(last);
      await Promise.all([follower.hasReached(head), filtered.hasReached(head)]);
      const all = await eventsOf(store);
      for (const { upTo, frontier } of [...follower.batches, ...filtered.batches]) {
        const claimed = all.filter(({ data }) => {
          const { source, at } = data as { source: string; at: number };
          return BigInt(at) <= (frontier[source] ?? -1n);
        });
        assert.ok(claimed.every(({ position }) => position <= upTo));
      }
      await until('the frontier is the progress', () =>
        [follower, filtered].every(({ last }) => last?.frontier.a === 40n && last.frontier.b === 40n),
      );
      assert.deepEqual(follower.last?.frontier, atEnd);
    },
  },
  {
    name: "the consumer's pace is the back-pressure: a slow one gets every event, a batch at a time",
    async run(log) {
      await using store = await log.open();
      const abort = new AbortController();
      const events = times(300, () => newEvent());
      const given: string[] = [];
      for await (const batch of store.subscribe({ after: 0, batchSize: 40, signal: abort.signal })) {
        assert.ok(batch.events.length <= 40);
        given.push(...idsOf(batch.events));
        // While it holds this batch, more is written than the next one holds.
        const next = events.splice(0, 100);
        if (next.length > 0) await appended(store.append([write('post-1', 'any', next)]));
        else if (given.length === 300) abort.abort();
      }
      assert.deepEqual(given, idsOf(await eventsOf(store)));
    },
  },
  {
    name: 'abort ends a subscription without an error: before it began, while it waits, while it delivers',
    async run(log) {
      await using store = await log.open();
      await appended(
        store.append([
          write(
            'post-1',
            'none',
            times(10, () => newEvent()),
          ),
        ]),
      );
      for await (const _ of store.subscribe({ after: 0, signal: AbortSignal.abort() }))
        assert.fail('yielded');
      {
        await using waiting = new Follower(store);
        await waiting.hasReached((await store.head()).position);
      }
      const abort = new AbortController();
      let batches = 0;
      for await (const _ of store.subscribe({ after: 0, batchSize: 2, signal: abort.signal })) {
        batches += 1;
        abort.abort();
      }
      assert.equal(batches, 1);
    },
  },
];

/** One source that moves its progress with each event, and now and then alone. */
async function runSource(store: EventStore, name: string): Promise<void> {
  let expected: SourceProgress | undefined;
  for (const at of times(40, (index) => index + 1)) {
    const source = { name, lsn: lsn(BigInt(at)), position: 0 };
    const event = newEvent('Written', { source: name, at });
    const writes = at % 4 === 0 ? [] : [write(`post-${name}`, 'any', [event])];
    await appended(store.append(writes, { source: { ...source, expected } }));
    expected = source;
  }
}
