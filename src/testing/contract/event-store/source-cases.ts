// append with `source`: progress moves with the events or not at all, forwards only, and one writer at a time.
import assert from 'node:assert/strict';
import type { SourceProgress } from '../../../event-store/event-store.ts';
import { LSN_ZERO, lsn } from '../../../kernel/lsn.ts';
import { appended, type EventStoreCase, eventsOf, times, write } from './case.ts';

const at = (value: bigint, position = 0, name = 'monolith'): SourceProgress => ({
  name,
  lsn: lsn(value),
  position,
});
const move = (expected: SourceProgress | undefined, to: SourceProgress) => ({ source: { ...to, expected } });

export const sourceCases: readonly EventStoreCase[] = [
  {
    name: 'source progress is stored with the events and read back, for each source',
    async run(log) {
      await using store = await log.open();
      assert.equal(await store.sourceProgress('monolith'), undefined);
      await appended(store.append([write('post-1')], move(undefined, at(10n, 3))));
      const other = at(0xffff_ffff_ffff_ffffn, Number.MAX_SAFE_INTEGER, 'other');
      await appended(store.append([write('post-1')], move(undefined, other)));
      await appended(store.append([write('post-2')], move(at(10n, 3), at(20n, 4))));
      assert.deepEqual(await store.sourceProgress('monolith'), at(20n, 4));
      assert.deepEqual(await store.sourceProgress('other'), other);
      const { progress } = await store.head();
      assert.deepEqual(
        [...progress].sort((a, b) => (a.name < b.name ? -1 : 1)),
        [at(20n, 4), other],
      );
    },
  },
  {
    name: 'an append without writes moves the frontier only; its position is the head',
    async run(log) {
      await using store = await log.open();
      const empty = await appended(store.append([], move(undefined, at(5n))));
      assert.deepEqual([empty.position, empty.versions], [0, {}]);
      const { position } = await appended(store.append([write('post-1')]));
      const moved = await appended(store.append([], move(at(5n), at(9n))));
      assert.equal(moved.position, position);
      assert.deepEqual(await store.head(), { position, progress: [at(9n)] });
      assert.equal((await eventsOf(store)).length, 1);
    },
  },
  {
    name: 'progress other than expected is fenced, names what is stored, and writes nothing',
    async run(log) {
      await using store = await log.open();
      const fenced = async (expected: SourceProgress | undefined, actual: SourceProgress | undefined) => {
        const outcome = await store.append([write('post-1')], move(expected, at(90n, 9)));
        assert.deepEqual(outcome, { outcome: 'fenced', actual });
      };
      await fenced(at(1n), undefined);
      await fenced(at(LSN_ZERO), undefined);
      await appended(store.append([], move(undefined, at(10n, 3))));
      await fenced(undefined, at(10n, 3));
      await fenced(at(9n, 3), at(10n, 3));
      await fenced(at(11n, 3), at(10n, 3));
      await fenced(at(10n, 2), at(10n, 3));
      assert.deepEqual(await eventsOf(store), []);
      assert.deepEqual(await store.sourceProgress('monolith'), at(10n, 3));
    },
  },
  {
    name: 'progress never goes backwards; standing still is no step back',
    async run(log) {
      await using store = await log.open();
      await appended(store.append([], move(undefined, at(10n, 3))));
      await appended(store.append([write('post-1')], move(at(10n, 3), at(10n, 3))));
      for (const back of [at(9n, 3), at(10n, 2), at(9n, 4), at(-1n, 3), at(1n << 64n, 3)]) {
        await assert.rejects(() => store.append([write('post-1')], move(at(10n, 3), back)), RangeError);
      }
      await assert.rejects(
        () => store.append([], { source: { ...at(11n, 3), expected: at(10n, 3, 'other') } }),
        RangeError,
      );
      assert.equal((await eventsOf(store)).length, 1);
      assert.deepEqual(await store.sourceProgress('monolith'), at(10n, 3));
    },
  },
  {
    name: 'a version conflict leaves the progress where it was',
    async run(log) {
      await using store = await log.open();
      await appended(store.append([], move(undefined, at(10n))));
      const outcome = await store.append([write('post-1', 5)], move(at(10n), at(20n)));
      assert.equal(outcome.outcome, 'conflict');
      assert.deepEqual(await store.sourceProgress('monolith'), at(10n));
    },
  },
  {
    name: 'of parallel writers of one source exactly one passes, the others are fenced',
    async run(log) {
      await using store = await log.open();
      const outcomes = await Promise.all(
        times(10, (index) => store.append([write(`post-${index}`)], move(undefined, at(BigInt(index) + 1n)))),
      );
      assert.equal(outcomes.filter(({ outcome }) => outcome === 'appended').length, 1);
      assert.equal(outcomes.filter(({ outcome }) => outcome === 'fenced').length, 9);
      assert.equal((await eventsOf(store)).length, 1);
    },
  },
  {
    name: 'the idempotency key is looked at before fencing; a fenced append does not use its key up',
    async run(log) {
      await using store = await log.open();
      const options = { ...move(undefined, at(10n)), idempotencyKey: 'k' };
      const first = await appended(store.append([write('post-1', 'none')], options));
      assert.deepEqual(await store.append([write('post-1', 'none')], options), {
        ...first,
        isDuplicate: true,
      });

      const early = { ...move(at(20n), at(30n)), idempotencyKey: 'later' };
      assert.equal((await store.append([write('post-1')], early)).outcome, 'fenced');
      await appended(store.append([], move(at(10n), at(20n))));
      assert.equal((await appended(store.append([write('post-1')], early))).isDuplicate, false);
    },
  },
];
