// The barrier: a projector is stopped at one place of the source's history and the store photographed there; whatever goes
// wrong with it, the projection goes on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Handler } from '../../src/domain/domain.ts';
import { lsn } from '../../src/kernel/lsn.ts';
import { Projector } from '../../src/projection/projector.ts';
import type { ReadStore } from '../../src/projection/read-store.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { openPolls, type Polls, SOURCE, vote, votesAt, votesIn, voting } from './voting.ts';

const LONG = 60_000;

test('the snapshot holds everything up to the place and nothing after it, also inside a batch', async () => {
  await using polls = openPolls();
  await using running = await start(polls);
  const { projector, store } = running;
  await projector.hold(LONG);
  await vote(polls.log, ['ann', 'bob'], lsn(10n));
  await vote(polls.log, ['ann'], lsn(20n));
  await vote(polls.log, ['ann', 'cat'], lsn(30n));
  assert.deepEqual(await votesIn(store), {});
  {
    await using snapshot = await projector.snapshotAt(SOURCE, lsn(20n), LONG);
    assert.deepEqual(await votesAt(snapshot), { ann: 2, bob: 1 });
  }
  await until(async () => (await votesIn(store)).ann === 3);
  assert.deepEqual(await votesIn(store), { ann: 3, bob: 1, cat: 1 });
});

test('a place that lies between changes is reached when the source says that it is past it', async () => {
  await using polls = openPolls();
  await using running = await start(polls);
  const { projector } = running;
  await projector.hold(LONG);
  await vote(polls.log, ['ann'], lsn(10n));
  const asked = projector.snapshotAt(SOURCE, lsn(15n), LONG);
  await until(() => projector.figures().position === 1);
  await vote(polls.log, [], lsn(16n));
  await using snapshot = await asked;
  assert.deepEqual(await votesAt(snapshot), { ann: 1 });
});

test('a hold that nobody follows up ends by itself, and does not stand in the way of the next', async () => {
  await using polls = openPolls();
  await using running = await start(polls);
  const { projector, store } = running;
  await projector.hold(1);
  await vote(polls.log, ['ann'], lsn(10n));
  await until(async () => (await votesIn(store)).ann === 1);
  await projector.hold(1);
  await until(() => projector.hold(LONG).then(...sayWhether));
  await assert.rejects(projector.hold(LONG), { code: 'LEASE_HELD' });
});

test('one verification at a time: a second one is refused', async () => {
  await using polls = openPolls();
  await using running = await start(polls);
  const { projector } = running;
  const asked = projector.snapshotAt(SOURCE, lsn(10n), LONG);
  await assert.rejects(async () => projector.snapshotAt(SOURCE, lsn(10n), LONG), { code: 'LEASE_HELD' });
  await assert.rejects(projector.hold(LONG), { code: 'LEASE_HELD' });
  await vote(polls.log, [], lsn(10n));
  await (await asked)[Symbol.asyncDispose]();
  await projector.hold(LONG);
});

test('a place that is not reached in time is given up, and what comes of it later is given back', async () => {
  await using polls = openPolls();
  const gate = Promise.withResolvers<void>();
  await using running = await start(polls, async (event, tables) => {
    await gate.promise;
    return voting.on.Voted!(event, tables);
  });
  const { projector, store } = running;
  await projector.hold(LONG);
  await vote(polls.log, ['ann'], lsn(10n));
  await assert.rejects(projector.snapshotAt(SOURCE, lsn(10n), 20), {
    code: 'WAIT_TIMED_OUT',
    message: 'The projection did not reach the place within 0.02 s',
  });
  const second = projector.snapshotAt(SOURCE, lsn(20n), LONG);
  gate.resolve();
  await until(() => projector.figures().position === 1);
  await vote(polls.log, ['bob'], lsn(20n));
  {
    await using snapshot = await second;
    assert.equal(snapshot.position, 2);
  }
  assert.deepEqual(await votesIn(store), { ann: 1, bob: 1 });
});

/** What `until` asks of a promise: whether it was fulfilled. */
const sayWhether = [() => true, () => false] as const;

interface Running extends AsyncDisposable {
  readonly projector: Projector;
  readonly store: ReadStore;
}

/** A projector at work, two events at a time, on a store with room for one snapshot. */
async function start(polls: Polls, handler: Handler = voting.on.Voted!): Promise<Running> {
  const store = await polls.open({ snapshots: 1 });
  const projector = new Projector({
    projection: { ...voting, on: { Voted: handler } },
    store,
    eventLog: polls.log,
    batchSize: 2,
  });
  const stop = new AbortController();
  const work = projector.run(stop.signal);
  await until(() => projector.figures().isCaughtUp);
  return {
    projector,
    store,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await work;
    },
  };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  assert.ok(await waitUntil(condition, { timeoutMs: 10_000, everyMs: 1 }));
}
