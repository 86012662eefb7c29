// Opening, closing, reopening, and several handles on one log at a time.
import assert from 'node:assert/strict';
import { lsn } from '../../../kernel/lsn.ts';
import {
  appended,
  batchesOf,
  type EventStoreCase,
  eventsOf,
  Follower,
  idsOf,
  newEvent,
  rejectsAsClosed,
  streamOf,
  times,
  until,
  write,
} from './case.ts';

const progress = (value: bigint) => ({ name: 'monolith', lsn: lsn(value), position: 2 });

export const lifecycleCases: readonly EventStoreCase[] = [
  {
    name: 'a closed store rejects every call and every iteration with LOG_UNREACHABLE',
    async run(log) {
      const store = await log.open();
      await appended(
        store.append([
          write(
            'post-1',
            'none',
            times(4, () => newEvent()),
          ),
        ]),
      );
      const reading = store.readLog({ after: 0, batchSize: 2 })[Symbol.asyncIterator]();
      await reading.next();
      const following = new Follower(store);
      await following.hasReached((await store.head()).position);
      await store[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      await rejectsAsClosed(() => store.append([write('post-1')]));
      await rejectsAsClosed(() => store.head());
      await rejectsAsClosed(() => store.sourceProgress('monolith'));
      await rejectsAsClosed(() => batchesOf(store));
      await rejectsAsClosed(() => streamOf(store, 'post-1'));
      await rejectsAsClosed(async () => reading.next());
      await rejectsAsClosed(async () => following[Symbol.asyncDispose]());
    },
  },
  {
    name: 'closing waits for the appends already made',
    async run(log) {
      const store = await log.open();
      const appends = times(20, (index) => appended(store.append([write(`post-${index}`)])));
      await store[Symbol.asyncDispose]();
      const outcomes = await Promise.all(appends);
      assert.equal(new Set(outcomes.map(({ position }) => position)).size, 20);
    },
  },
  {
    name: 'a log opened again is the same log: identity, head, events, progress, versions and keys',
    needs: 'persistent',
    async run(log) {
      const first = await log.open();
      const { identity } = first;
      const writes = [
        write(
          'post-1',
          'none',
          times(3, () => newEvent('Written', { title: 'Roots' })),
        ),
      ];
      const options = { source: { ...progress(10n), expected: undefined }, idempotencyKey: 'k' };
      const outcome = await appended(first.append(writes, options));
      const [head, batches] = [await first.head(), await batchesOf(first)];
      await first[Symbol.asyncDispose]();

      await using store = await log.open();
      assert.deepEqual(store.identity, identity);
      assert.deepEqual(await store.head(), head);
      assert.deepEqual(await batchesOf(store), batches);
      assert.deepEqual(await store.sourceProgress('monolith'), progress(10n));
      assert.deepEqual(await store.append(writes, options), { ...outcome, isDuplicate: true });
      assert.equal((await store.append([write('post-1', 2)])).outcome, 'conflict');
      assert.ok((await appended(store.append([write('post-1', 3)]))).position > outcome.position);
    },
  },
  {
    name: 'every new log has an identity of its own, which all its handles share',
    needs: 'multiProcess',
    async run(log) {
      await using handles = new AsyncDisposableStack();
      const opened = await Promise.allSettled(times(4, () => log.open()));
      const identities = opened.map((one) =>
        one.status === 'fulfilled' ? handles.use(one.value).identity : one.reason,
      );
      const [{ id }] = identities;
      assert.deepEqual(
        identities,
        identities.map(() => ({ id, recoveryEpoch: 0 })),
      );
    },
  },
  {
    name: 'expectations and fencing hold between handles',
    needs: 'multiProcess',
    async run(log) {
      await using one = await log.open();
      await using two = await log.open();
      const handles = [one, two];
      for (const round of times(20, (index) => index)) {
        const outcomes = await Promise.all(
          handles.map((store) => store.append([write(`post-${round}`, 'none'), write('user-1')])),
        );
        assert.deepEqual(outcomes.map(({ outcome }) => outcome).sort(), ['appended', 'conflict']);
      }
      const sources = await Promise.all(
        handles.map((store, index) =>
          store.append([], { source: { ...progress(BigInt(index) + 1n), expected: undefined } }),
        ),
      );
      assert.deepEqual(sources.map(({ outcome }) => outcome).sort(), ['appended', 'fenced']);
      assert.equal((await eventsOf(one)).length, 40);
    },
  },
  {
    name: 'what one handle resolved is seen by the next read of another',
    needs: 'multiProcess',
    async run(log) {
      await using one = await log.open();
      await using two = await log.open();
      for (const index of times(100, (index) => index)) {
        const [writer, reader] = index % 2 === 0 ? [one, two] : [two, one];
        const event = newEvent();
        const { position } = await appended(writer.append([write('post-1', index, [event])]));
        assert.deepEqual(idsOf(await eventsOf(reader, { after: position - 1 })), [event.id]);
        assert.equal((await streamOf(reader, 'post-1')).length, index + 1);
      }
    },
  },
  {
    name: 'a subscription follows what other handles append, and their progress alone',
    needs: 'multiProcess',
    async run(log) {
      await using one = await log.open();
      await using two = await log.open();
      await using follower = new Follower(one);
      for (const index of times(20, (index) => index)) {
        const { position } = await appended(two.append([write('post-1', index)]));
        await follower.hasReached(position);
      }
      await appended(two.append([], { source: { ...progress(10n), expected: undefined } }));
      await until('the frontier of the other handle', () => follower.last?.frontier.monolith === 10n);
      assert.deepEqual(idsOf(follower.events), idsOf(await eventsOf(two)));
    },
  },
];
