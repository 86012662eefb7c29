// Random writers that write elsewhere first, pause amid their transaction, write several streams and roll back; readers
// that follow them, read in pieces, and start at the end: nobody misses an event, gets one twice, or out of order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EventStore } from '../../src/event-store/event-store.ts';
import type { PostgresClient } from '../../src/postgres/connect.ts';
import {
  eventsOf,
  Follower,
  idsOf,
  newEvent,
  times,
  write,
} from '../../src/testing/contract/event-store/case.ts';
import { appendIn } from './append-in.ts';
import { scratchPostgresServer } from './scratch-postgres-log.ts';

const WRITERS = 8;
const STREAMS = ['post-1', 'post-2', 'user-1', 'user-2', 'tag-1'];

const postgres = await scratchPostgresServer();
const clients = await Promise.all(times(WRITERS, () => postgres.connect()));
await clients[0]!.query('CREATE TABLE public.elsewhere (id int)');

/** A pause is so many round trips: long enough for the others to go on, and no time to wait for. */
const transaction = fc.record({
  isElsewhereFirst: fc.boolean(),
  pauseBefore: fc.integer({ min: 0, max: 4 }),
  streams: fc.subarray(STREAMS, { minLength: 1, maxLength: 3 }),
  events: fc.integer({ min: 1, max: 3 }),
  pauseAfter: fc.integer({ min: 0, max: 8 }),
  isKept: fc.integer({ min: 1, max: 5 }).map((roll) => roll > 1),
});
type Transaction = typeof transaction extends fc.Arbitrary<infer T> ? T : never;

const scripts = fc.array(fc.array(transaction, { minLength: 8, maxLength: 16 }), {
  minLength: WRITERS,
  maxLength: WRITERS,
});

test('whatever writers do, readers miss nothing, repeat nothing and invert nothing', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, fc.integer({ min: 1, max: 20 }), async (workload, batchSize) => {
      await using log = postgres.newLog();
      await using store = await log.open();
      await using another = await log.open();
      await using follower = new Follower(store);
      await using narrow = new Follower(another, { batchSize });
      await using posts = new Follower(another, { categories: ['post'], batchSize });
      const reading = new PieceReader(another, batchSize);
      const writing = Promise.all(workload.map((script, index) => run(clients[index]!, log.schema, script)));
      let isWriting = true;
      void writing.finally(() => {
        isWriting = false;
      });
      const starts: { readonly after: number; readonly follower: Follower }[] = [];
      await using stack = new AsyncDisposableStack();
      while (isWriting) {
        await reading.readOn();
        if (starts.length === 5) continue;
        const { position: after } = await store.head();
        starts.push({ after, follower: stack.use(new Follower(store, { after, batchSize })) });
      }
      const kept = (await writing).flat();
      await reading.readOn();

      const { position: head } = await store.head();
      const followers = [follower, narrow, posts, ...starts.map((start) => start.follower)];
      await Promise.all(followers.map((one) => one.hasReached(head)));
      const all = await eventsOf(store);
      assert.deepEqual(idsOf(all).sort(), kept.sort());
      assertInOrder(all);
      assert.deepEqual(idsOf(follower.events), idsOf(all));
      assert.deepEqual(idsOf(narrow.events), idsOf(all));
      assert.deepEqual(idsOf(posts.events), idsOf(all.filter(({ category }) => category === 'post')));
      assert.deepEqual(reading.ids, idsOf(all));
      for (const start of starts) {
        assert.deepEqual(
          idsOf(start.follower.events),
          idsOf(all.filter(({ position }) => position > start.after)),
        );
      }
    }),
    { numRuns: 6, endOnFailure: true },
  );
});

/** Resolves with the ids of the events that were committed. */
async function run(
  client: PostgresClient,
  schema: string,
  script: readonly Transaction[],
): Promise<readonly string[]> {
  const kept: string[] = [];
  for (const { isElsewhereFirst, pauseBefore, streams, events, pauseAfter, isKept } of script) {
    const writes = streams.map((stream) =>
      write(
        stream,
        'any',
        times(events, () => newEvent()),
      ),
    );
    await client.query('BEGIN');
    if (isElsewhereFirst) await client.query('INSERT INTO public.elsewhere VALUES (1)');
    await roundTrips(client, pauseBefore);
    await appendIn(client, schema, writes);
    await roundTrips(client, pauseAfter);
    await client.query(isKept ? 'COMMIT' : 'ROLLBACK');
    if (isKept) kept.push(...writes.flatMap((one) => idsOf(one.events)));
  }
  return kept;
}

async function roundTrips(client: PostgresClient, count: number): Promise<void> {
  for (let done = 0; done < count; done += 1) await client.query('SELECT');
}

/** Reads again and again from where it stopped, as a consumer with a checkpoint does. */
class PieceReader {
  readonly ids: string[] = [];
  readonly #store: EventStore;
  readonly #batchSize: number;
  #checkpoint = 0;

  constructor(store: EventStore, batchSize: number) {
    this.#store = store;
    this.#batchSize = batchSize;
  }

  async readOn(): Promise<void> {
    for await (const { events, upTo } of this.#store.readLog({
      after: this.#checkpoint,
      batchSize: this.#batchSize,
    })) {
      this.ids.push(...idsOf(events));
      this.#checkpoint = upTo;
    }
  }
}

function assertInOrder(
  events: readonly { readonly position: number; readonly stream: string; readonly version: number }[],
): void {
  const versions = new Map<string, number>();
  let before = 0;
  for (const { position, stream, version } of events) {
    assert.ok(position > before);
    assert.equal(version, (versions.get(stream) ?? 0) + 1, stream);
    versions.set(stream, version);
    before = position;
  }
}
