// Idempotency keys: an append tried again is written once.
import assert from 'node:assert/strict';
import { appended, type EventStoreCase, eventsOf, times, write } from './case.ts';

export const retryCases: readonly EventStoreCase[] = [
  {
    name: 'an idempotency key used before writes nothing and returns the recorded outcome, whatever came since',
    async run(log) {
      await using store = await log.open();
      const writes = [write('post-1', 'none')];
      const first = await appended(store.append(writes, { idempotencyKey: 'k1' }));
      await appended(store.append([write('post-1', 1), write('user-1')]));
      const again = await store.append(writes, { idempotencyKey: 'k1' });
      assert.deepEqual(again, { ...first, isDuplicate: true });
      assert.deepEqual(await store.append(writes, { idempotencyKey: 'k1' }), again);
      assert.equal((await eventsOf(store)).length, 3);
      assert.equal((await store.append(writes, { idempotencyKey: 'k2' })).outcome, 'conflict');
    },
  },
  {
    name: 'a conflict is not recorded under its key',
    async run(log) {
      await using store = await log.open();
      const writes = [write('post-1', 1)];
      assert.equal((await store.append(writes, { idempotencyKey: 'k' })).outcome, 'conflict');
      await appended(store.append([write('post-1', 'none')]));
      assert.equal((await appended(store.append(writes, { idempotencyKey: 'k' }))).isDuplicate, false);
    },
  },
  {
    name: 'racing copies of one append under one key write once and agree',
    async run(log) {
      await using store = await log.open();
      const outcomes = await Promise.all(
        times(8, () => appended(store.append([write('post-1', 'any')], { idempotencyKey: 'k' }))),
      );
      assert.equal(outcomes.filter(({ isDuplicate }) => !isDuplicate).length, 1);
      assert.equal(new Set(outcomes.map(({ position }) => position)).size, 1);
      assert.equal((await eventsOf(store)).length, 1);
    },
  },
];
