// The same random workload on the reference engine and on SQLite: every outcome, batch and head must agree.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AppendOptions, EventStore, LogFilter, StreamWrite } from '../../src/event-store/event-store.ts';
import { createMemoryEventStore } from '../../src/event-store/memory/memory-event-store.ts';
import type { NewEvent } from '../../src/kernel/event.ts';
import { lsn } from '../../src/kernel/lsn.ts';
import { scratchLog } from './scratch-log.ts';

const category = fc.constantFrom('post', 'user', 'tag');
const type = fc.constantFrom('Written', 'Edited', 'Rare');
const stream = fc.tuple(category, fc.constantFrom('1', '2', 'ä-🌳')).map(([kind, id]) => `${kind}-${id}`);

const event: fc.Arbitrary<NewEvent> = fc.record({
  id: fc.uuid({ version: 7 }),
  type,
  time: fc.constant('2026-11-24T08:00:00.000Z'),
  schemaVersion: fc.integer({ min: 1, max: 9 }),
  data: fc.jsonValue(),
  meta: fc.constantFrom({ origin: 'command' }, { origin: 'backfill', actor: 'ann' }),
});

const write: fc.Arbitrary<StreamWrite> = fc.record({
  stream,
  expected: fc.oneof(
    { weight: 5, arbitrary: fc.constant('any' as const) },
    { weight: 1, arbitrary: fc.constantFrom('none' as const, 'exists' as const) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: 6 }) },
  ),
  events: fc.array(event, { maxLength: 3 }),
});

const progress = fc.record({
  name: fc.constantFrom('monolith', 'other'),
  lsn: fc.bigInt({ min: 0n, max: 3n }).map((value) => lsn(value * 0x3fff_ffff_ffff_ffffn)),
  position: fc.integer({ min: 0, max: 2 }),
});

const options: fc.Arbitrary<AppendOptions> = fc.record(
  {
    source: fc
      .tuple(progress, fc.option(progress, { nil: undefined }))
      .map(([to, from]) => ({ ...to, expected: from && { ...from, name: to.name } })),
    idempotencyKey: fc.constantFrom('k1', 'k2', 'k3'),
  },
  { requiredKeys: [] },
);

/** Appends of one step are made in one turn. */
const steps = fc.array(
  fc.array(fc.tuple(fc.array(write, { maxLength: 3 }), options), { minLength: 1, maxLength: 5 }),
  { maxLength: 12 },
);

const reading = fc.record({
  after: fc.integer({ min: 0, max: 20 }),
  batchSize: fc.integer({ min: 1, max: 8 }),
  filter: fc.record<LogFilter>(
    {
      categories: fc.subarray(['post', 'user', 'tag', 'absent']),
      types: fc.subarray(['Written', 'Rare', 'Absent']),
    },
    { requiredKeys: [] },
  ),
});

test('memory and SQLite agree on every random workload', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.array(reading, { maxLength: 5 }), async (workload, readings) => {
      await using log = scratchLog();
      await using sqlite = await log.open();
      await using memory = createMemoryEventStore();
      for (const appends of workload) {
        const [expected, actual] = await Promise.all(
          [memory, sqlite].map((store) => Promise.all(appends.map((append) => answer(store, ...append)))),
        );
        assert.deepEqual(actual, expected);
        assert.deepEqual(await headOf(sqlite), await headOf(memory));
      }
      for (const { filter, ...bounds } of readings) {
        const [expected, actual] = await Promise.all(
          [memory, sqlite].map((store) => Array.fromAsync(store.readLog({ ...filter, ...bounds }))),
        );
        assert.deepEqual(actual, expected);
      }
      for (const name of ['post-1', 'user-ä-🌳']) {
        assert.deepEqual(
          await Array.fromAsync(sqlite.readStream(name, { batchSize: 3 })),
          await Array.fromAsync(memory.readStream(name, { batchSize: 3 })),
        );
      }
    }),
    { numRuns: 60 },
  );
});

async function answer(
  store: EventStore,
  writes: readonly StreamWrite[],
  appendOptions: AppendOptions,
): Promise<unknown> {
  try {
    return await store.append(writes, appendOptions);
  } catch (error) {
    assert.ok(error instanceof RangeError, String(error));
    return error.message;
  }
}

async function headOf(store: EventStore): Promise<unknown> {
  const { position, progress: sources } = await store.head();
  return { position, sources: [...sources].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}
