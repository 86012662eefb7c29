// The projector on a log in memory and a store in a file: each event has its effect once, wherever it stops, and its figures
// and faults say where it stands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Handler, Projection } from '../../src/domain/domain.ts';
import { createMemoryEventStore } from '../../src/event-store/memory/memory-event-store.ts';
import { LSN_ZERO, lsn } from '../../src/kernel/lsn.ts';
import { Projector } from '../../src/projection/projector.ts';
import type { ReadStore } from '../../src/projection/read-store.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { openPolls, type Polls, SOURCE, vote, votesIn, voting } from './voting.ts';

const NAMES = ['ann', 'bob', 'ann', 'cat', 'ann', 'bob', 'ann'];
const VOTES = { ann: 4, bob: 2, cat: 1 };
const never = new AbortController().signal;

test('stopped at any event and started again, every vote counts once', async () => {
  for (let stopAt = 1; stopAt <= NAMES.length; stopAt += 1) {
    await using polls = openPolls();
    await vote(polls.log, NAMES);
    const store = await polls.open();
    const stop = new AbortController();
    const stopping = countingBy((event, tables) => {
      if (event.position === stopAt) stop.abort();
      return voting.on.Voted!(event, tables);
    });
    await projectorOn(polls, store, { batchSize: 2, projection: stopping }).run(stop.signal);
    const { position } = (await store.checkpoint())!;
    assert.ok(position === stopAt || position === stopAt + 1, `at ${position}, stopped at ${stopAt}`);
    await runToHead(polls, projectorOn(polls, store, { batchSize: 2 }));
    assert.deepEqual(await votesIn(store), VOTES);
  }
});

test('a commit that fails leaves nothing behind, in the store or in the batch, and is made good by trying again', async () => {
  await using polls = openPolls();
  await vote(polls.log, NAMES);
  const store = await polls.open();
  const projector = projectorOn(polls, failingOnce(store));
  await assert.rejects(projector.run(never), /disk is full/);
  assert.equal(await store.checkpoint(), undefined);
  await runToHead(polls, projector);
  assert.deepEqual(await votesIn(store), VOTES);
  assert.equal(projector.figures().error, null);
});

test('a store that was filled from another log is refused', async () => {
  await using polls = openPolls();
  await vote(polls.log, ['ann']);
  const store = await polls.open();
  await runToHead(polls, projectorOn(polls, store));
  const projector = new Projector({ projection: voting, store, eventLog: createMemoryEventStore() });
  await assert.rejects(projector.run(never), { code: 'LOG_IDENTITY' });
  assert.deepEqual(await votesIn(store), { ann: 1 });
});

test('of two projectors on one store one is refused, and no vote counts twice', async () => {
  await using polls = openPolls();
  const store = await polls.open();
  const stop = new AbortController();
  const running = [projectorOn(polls, store), projectorOn(polls, store)].map((each) => each.run(stop.signal));
  const refused = assert.rejects(Promise.race(running), { code: 'CHECKPOINT_MISMATCH' });
  await vote(polls.log, NAMES);
  await refused;
  assert.ok(await waitUntil(async () => (await store.checkpoint())?.position === 7, { timeoutMs: 10_000 }));
  stop.abort();
  await Promise.allSettled(running);
  assert.deepEqual(await votesIn(store), VOTES);
});

test('how far behind it is, it says in events and in time, and that it is caught up only when it is', async () => {
  await using polls = openPolls();
  const gate = Promise.withResolvers<void>();
  const slow = countingBy(async (event, tables) => {
    if (event.position > 2) await gate.promise;
    return voting.on.Voted!(event, tables);
  });
  await vote(polls.log, ['ann', 'bob', 'cat']);
  const store = await polls.open();
  const projector = projectorOn(polls, store, { batchSize: 2, projection: slow });
  assert.equal(projector.figures().isCaughtUp, false);
  const stop = new AbortController();
  const running = projector.run(stop.signal);
  await until(() => projector.figures().position === 2);
  await until(() => projector.figures().lagMs > 0 && projector.figures().noProgressMs > 0);
  assert.deepEqual([projector.figures().head, projector.figures().isCaughtUp], [3, false]);
  gate.resolve();
  await until(() => projector.figures().isCaughtUp);
  const { position, head, lagMs, noProgressMs, error } = projector.figures();
  assert.deepEqual(
    { position, head, lagMs, noProgressMs, error },
    { position: 3, head: 3, lagMs: 0, noProgressMs: 0, error: null },
  );
  stop.abort();
  await running;
});

test('started on a filled store, it does not claim to be caught up before it knows the head of the log', async () => {
  await using polls = openPolls();
  await vote(polls.log, ['ann', 'bob']);
  const store = await polls.open();
  await runToHead(polls, projectorOn(polls, store));
  const subscribe = polls.log.subscribe.bind(polls.log);
  const gate = Promise.withResolvers<void>();
  polls.log.subscribe = async function* (options) {
    await gate.promise;
    yield* subscribe(options);
  };
  const projector = projectorOn(polls, store);
  const stop = new AbortController();
  const running = projector.run(stop.signal);
  await until(() => projector.figures().position === 2);
  assert.equal(projector.figures().isCaughtUp, false);
  gate.resolve();
  await until(() => projector.figures().isCaughtUp);
  stop.abort();
  await running;
});

test('who waits for a place of the source is told when the store holds it, and no sooner', async () => {
  await using polls = openPolls();
  const store = await polls.open();
  const projector = projectorOn(polls, store);
  const stop = new AbortController();
  const running = projector.run(stop.signal);
  assert.equal(await projector.reaches(SOURCE, LSN_ZERO, 0), true);
  assert.equal(await projector.reaches(SOURCE, lsn(5n), 0), false);
  assert.equal(await projector.reaches(SOURCE, lsn(5n), 5), false);
  const told = projector
    .reaches(SOURCE, lsn(5n), 60_000)
    .then(async (isThere) => [isThere, await votesIn(store)]);
  await vote(polls.log, ['ann'], lsn(4n));
  await vote(polls.log, ['ann'], lsn(6n));
  assert.deepEqual(await told, [true, { ann: 2 }]);
  assert.equal(await projector.reaches('another source', lsn(1n), 0), false);
  const left = projector.reaches(SOURCE, lsn(7n), 60_000);
  stop.abort();
  assert.equal(await left, false);
  await running;
});

/** The voting, counted by another handler. */
function countingBy(handler: Handler): Projection {
  return { ...voting, on: { Voted: handler } };
}

function projectorOn(
  { log }: Polls,
  store: ReadStore,
  options: { readonly projection?: Projection; readonly batchSize?: number } = {},
): Projector {
  return new Projector({ projection: voting, store, eventLog: log, ...options });
}

async function runToHead({ log }: Polls, projector: Projector): Promise<void> {
  const { position: head } = await log.head();
  const stop = new AbortController();
  const running = projector.run(stop.signal);
  await Promise.race([until(() => projector.figures().position >= head), running]);
  stop.abort();
  await running;
}

function failingOnce(store: ReadStore): ReadStore {
  let failures = 1;
  return {
    checkpoint: () => store.checkpoint(),
    parked: () => store.parked(),
    load: (name, keys) => store.load(name, keys),
    commit: async (...written) => {
      failures -= 1;
      if (failures >= 0) throw new Error('the disk is full');
      await store.commit(...written);
    },
    snapshot: () => store.snapshot(),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}

async function until(condition: () => boolean): Promise<void> {
  assert.ok(await waitUntil(condition, { timeoutMs: 10_000, everyMs: 1 }));
}
