// An event that cannot be applied: its stream waits there, in order, everything else goes on, and once its handler is
// mended nothing is missing and nothing counts twice.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { int, text } from '../../src/domain/column.ts';
import { table } from '../../src/domain/define-table.ts';
import type { Projection } from '../../src/domain/domain.ts';
import { PARKED_MAX } from '../../src/projection/parking.ts';
import { Projector, type ProjectorOptions } from '../../src/projection/projector.ts';
import type { ParkedStream, ReadStore } from '../../src/projection/read-store.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { openPolls, type Polls, vote, votesIn, voting } from './voting.ts';

const never = new AbortController().signal;

/** Fails on votes for whoever `failsOn` names, and says so. */
function failing(...failsOn: readonly string[]): Projection {
  return {
    ...voting,
    on: {
      Voted: (event, tables) => {
        const { name } = event.data as { readonly name: string };
        if (failsOn.includes(name)) throw new TypeError(`nobody may know ${name}`);
        return voting.on.Voted!(event, tables);
      },
    },
  };
}

const projectorOn = ({ log }: Polls, store: ReadStore, options: Partial<ProjectorOptions> = {}): Projector =>
  new Projector({ projection: voting, store, eventLog: log, ...options });

/** Runs until the store is at the head, and `work` is done meanwhile. */
async function runToHead(
  polls: Polls,
  projector: Projector,
  work: () => Promise<unknown> = async () => undefined,
): Promise<void> {
  const stop = new AbortController();
  const running = projector.run(stop.signal);
  running.catch(() => undefined);
  const isThere = async (): Promise<boolean> =>
    projector.figures().position >= (await polls.log.head()).position;
  assert.ok(await waitUntil(isThere, { timeoutMs: 10_000, everyMs: 1 }), projector.figures().error ?? 'slow');
  await work();
  stop.abort();
  await running;
}

const shown = (parked: readonly ParkedStream[]): readonly string[] =>
  parked.map(({ stream, version, waiting }) => `${stream} at ${version}, ${waiting} behind`);

test('its stream waits, the others go on, whatever the batches; mended, it counts each vote once', async () => {
  for (const batchSize of [1, 2, 3, 50]) {
    await using polls = openPolls();
    const store = await polls.open();
    await vote(polls.log, ['ann', 'eve', 'ann'], undefined, 'poll-1');
    await vote(polls.log, ['bob', 'bob'], undefined, 'poll-2');
    await vote(polls.log, ['cat', 'ann'], undefined, 'poll-1');
    await vote(polls.log, ['bob'], undefined, 'poll-2');
    const projector = projectorOn(polls, store, { batchSize, projection: failing('eve') });
    await runToHead(polls, projector);
    assert.deepEqual(await votesIn(store), { ann: 1, bob: 3 });
    assert.deepEqual(shown(projector.figures().parked), ['poll-1 at 2, 3 behind']);
    assert.deepEqual(shown(await store.parked()), ['poll-1 at 2, 3 behind']);
    assert.equal(projector.figures().error, null);

    await runToHead(polls, projectorOn(polls, store, { batchSize }));
    assert.deepEqual(await votesIn(store), { ann: 3, bob: 3, cat: 1, eve: 1 });
    assert.deepEqual(await store.parked(), []);
  }
});

test('the reason names no value of the event; what the handler threw is told to the log alone', async () => {
  await using polls = openPolls();
  const told: string[] = [];
  await vote(polls.log, ['eve'], undefined, 'poll-1');
  const onParked: ProjectorOptions['onParked'] = ({ stream }, cause) =>
    told.push(`${stream} ${String(cause)}`);
  const projector = projectorOn(polls, await polls.open(), { projection: failing('eve'), onParked });
  await runToHead(polls, projector);
  const [{ error, type, position }] = projector.figures().parked as readonly [ParkedStream];
  assert.deepEqual(
    [error, type, position],
    ["the handler threw TypeError; the service's log has its words", 'Voted', 1],
  );
  assert.deepEqual(told, ['poll-1 TypeError: nobody may know eve']);
});

test('a row that does not fit its table is told by table and column', async () => {
  await using polls = openPolls();
  await vote(polls.log, ['ann'], undefined, 'poll-1');
  await vote(polls.log, [7], undefined, 'poll-2');
  const projector = projectorOn(polls, await polls.open());
  await runToHead(polls, projector);
  const [{ stream, error }] = projector.figures().parked as readonly [ParkedStream];
  assert.deepEqual([stream, error], ['poll-2', 'Column candidates.name takes text, not this number']);
});

test('a row that turns out not to fit only when the batch is written is its own event’s fault', async () => {
  const columns = { name: text(), votes: int().defaultsTo(0), colour: text() };
  const coloured: Projection = {
    ...voting,
    tables: { candidates: table({ key: ['name'], columns }) },
    on: {
      Voted: ({ data, position }, tables) => {
        const { name } = data as { readonly name: string };
        if (position > 2) tables.candidates!.increment({ name }, { votes: 1 });
        else tables.candidates!.upsert({ name, votes: 1, colour: 'red' });
      },
    },
  };
  await using polls = openPolls();
  for (const [index, name] of ['ann', 'bob', 'ann', 'cat', 'bob'].entries())
    await vote(polls.log, [name], undefined, `poll-${index}`);
  const store = await polls.open({ projection: coloured });
  const projector = projectorOn(polls, store, { projection: coloured });
  await runToHead(polls, projector);
  const [{ stream, error }] = projector.figures().parked as readonly [ParkedStream];
  assert.deepEqual([stream, error], ['poll-3', 'Column candidates.colour takes text and was given none']);
  assert.deepEqual(await votesIn(store), { ann: 2, bob: 2 });
});

test('tried again while at work, it stands still where it fails next, or is free; a skipped event is left out for good', async () => {
  await using polls = openPolls();
  const store = await polls.open();
  const failsOn = ['eve', 'mal'];
  const projection: Projection = {
    ...voting,
    on: { Voted: (event, tables) => failing(...failsOn).on.Voted!(event, tables) },
  };
  await vote(polls.log, ['eve', 'ann', 'mal', 'ann', 'eve'], undefined, 'poll-1');
  const projector = projectorOn(polls, store, { projection });
  await runToHead(polls, projector, async () => {
    assert.deepEqual(shown(await projector.retryParked()), ['poll-1 at 1, 4 behind']);
    failsOn.shift();
    assert.deepEqual(shown(await projector.retryParked('poll-2')), ['poll-1 at 1, 4 behind']);
    assert.deepEqual(shown(await projector.retryParked('poll-1')), ['poll-1 at 3, 2 behind']);
    assert.deepEqual(await votesIn(store), { ann: 1, eve: 1 });
    await vote(polls.log, ['ann'], undefined, 'poll-1');
    const isSeen = (): boolean => projector.figures().parked[0]!.waiting === 3;
    assert.ok(await waitUntil(isSeen, { timeoutMs: 10_000, everyMs: 1 }));
    assert.equal(await projector.skipParked('poll-1'), true);
    assert.equal(await projector.skipParked('poll-1'), false);
    assert.deepEqual(projector.figures().parked, []);
    await vote(polls.log, ['bob'], undefined, 'poll-1');
  });
  await runToHead(polls, projector);
  assert.deepEqual(await votesIn(store), { ann: 3, bob: 1, eve: 2 });
});

test('a handler that fails on everything stops the projection, with nothing of that batch applied', async () => {
  await using polls = openPolls();
  const store = await polls.open();
  for (let poll = 0; poll <= PARKED_MAX; poll += 1) await vote(polls.log, ['eve'], undefined, `poll-${poll}`);
  await assert.rejects(projectorOn(polls, store, { projection: failing('eve') }).run(never), {
    ...{ code: 'PROJECTION_FAILED', message: 'Projection voting failed on Voted' },
    at: `poll-${PARKED_MAX}, position ${PARKED_MAX + 1}`,
  });
  assert.equal(await store.checkpoint(), undefined);
  assert.deepEqual(await store.parked(), []);
  await runToHead(polls, projectorOn(polls, store));
  assert.deepEqual(await votesIn(store), { eve: PARKED_MAX + 1 });
});

test('a store that does not answer parks nothing', async () => {
  await using polls = openPolls();
  const store = await polls.open();
  await vote(polls.log, ['ann']);
  const mute: ReadStore = Object.create(store, {
    load: { value: () => Promise.reject(new Error('the disk is gone')) },
    checkpoint: { value: () => store.checkpoint() },
    parked: { value: () => store.parked() },
  });
  await assert.rejects(projectorOn(polls, mute).run(never), /the disk is gone/);
  assert.deepEqual(await store.parked(), []);
});
