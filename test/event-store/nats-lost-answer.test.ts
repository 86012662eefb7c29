// An answer that never came: the NATS engine finds out by itself what became of an append, also one without a key, and what
// it then says is true.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppendOptions, AppendOutcome, StreamWrite } from '../../src/event-store/event-store.ts';
import { lsn } from '../../src/kernel/lsn.ts';
import {
  appended,
  eventsOf,
  idsOf,
  newEvent,
  streamOf,
  times,
  write,
} from '../../src/testing/contract/event-store/case.ts';
import { AnswerThief } from './answer-thief.ts';
import { natsLane } from './scratch-nats-log.ts';

/** In every acknowledgement, and nowhere else in what goes back and forth. */
const ACKNOWLEDGEMENT = '"stream":"log-';
const REQUEST = 'Nats-Expected-Last-Subject-Sequence';

const source = { name: 'monolith', lsn: lsn(10n), position: 3, expected: undefined };
/** What may be under way: alone, in a batch, with everything that an append can carry. */
const APPENDS: readonly (readonly [string, readonly StreamWrite[], AppendOptions])[] = [
  ['one event', [write('post-1', 'any')], {}],
  ['one event of a version', [write('post-1', 1)], {}],
  [
    'events of several streams',
    [
      write(
        'post-1',
        'any',
        times(3, () => newEvent()),
      ),
      write('user-1', 'none'),
    ],
    {},
  ],
  ['an event with a key and progress', [write('post-1', 1)], { source, idempotencyKey: 'k' }],
  ['progress alone', [], { source }],
  ['a key and a version that is only looked at', [write('post-1', 1, [])], { idempotencyKey: 'k' }],
];

natsLane('an answer of NATS that never came', (nats) => {
  for (const [what, writes, options] of APPENDS) {
    test(`the answer lost, the append was stored and is told so, and once: ${what}`, async () => {
      const { outcome, ids, stored, again } = await duringTheft('answer', ACKNOWLEDGEMENT, writes, options);
      assert.equal(outcome.outcome, 'appended');
      assert.deepEqual(idsOf(stored), ids);
      const last = stored.at(-1)!;
      assert.deepEqual(outcome, { ...outcome, position: last.position, isDuplicate: false });
      if (options.idempotencyKey) assert.deepEqual(again, { ...outcome, isDuplicate: true });
    });

    test(`the request lost, the append is made again, and is there once: ${what}`, async () => {
      const { outcome, ids, stored } = await duringTheft('request', REQUEST, writes, options);
      assert.deepEqual(outcome, { ...outcome, outcome: 'appended', position: stored.at(-1)!.position });
      assert.deepEqual(idsOf(stored), ids);
    });
  }

  test('the answer lost and the stream written by another since: it is told where it was stored', async () => {
    const late = newEvent();
    const { outcome, ids, stored } = await duringTheft(
      'answer',
      ACKNOWLEDGEMENT,
      [write('post-1', 'any')],
      {},
      late,
    );
    assert.deepEqual(idsOf(stored), [...ids, late.id]);
    assert.deepEqual(outcome, { ...outcome, outcome: 'appended', position: stored[1]!.position });
  });

  test('the request lost and the stream written by another since: it comes behind, or its version is a conflict', async () => {
    const late = newEvent();
    const behind = await duringTheft('request', REQUEST, [write('post-1', 'any')], {}, late);
    assert.deepEqual(idsOf(behind.stored), [behind.ids[0], late.id, behind.ids[1]]);
    const refused = await duringTheft('request', REQUEST, [write('post-1', 1)], {}, newEvent());
    assert.deepEqual(refused.outcome, { outcome: 'conflict', stream: 'post-1', expected: 1, actual: 2 });
    assert.equal(refused.stored.length, 2);
  });

  /** `post-1` has one event before; what was taken away is taken while the append is made. */
  async function duringTheft(
    direction: 'request' | 'answer',
    mark: string,
    writes: readonly StreamWrite[],
    options: AppendOptions,
    late?: ReturnType<typeof newEvent>,
  ) {
    await using log = nats.newLog();
    await using thief = await AnswerThief.before(nats.server.address);
    await using store = await log.open({ servers: [thief.address] });
    await using other = await log.open();
    const first = newEvent();
    await appended(store.append([write('post-1', 'none', [first])]));
    const theft = thief.steal(direction, mark);
    const append: Promise<AppendOutcome> = store.append(writes, options);
    await theft;
    if (late) await appended(other.append([write('post-1', 'any', [late])]));
    thief.letThrough();
    const outcome = await append;
    const ids = [first.id, ...writes.flatMap(({ events }) => idsOf(events))];
    const stored = await eventsOf(other);
    assert.equal((await streamOf(other, 'post-1')).at(-1)?.version, stored.filter(isPost).length);
    const again = options.idempotencyKey ? await other.append(writes, options) : undefined;
    return { outcome, ids, stored, again };
  }
});

const isPost = ({ stream }: { readonly stream: string }): boolean => stream === 'post-1';
