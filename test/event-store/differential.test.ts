// The same random workload on the reference engine and on each real one: every outcome, batch and head must agree.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { AppendOptions, EventStore, LogFilter, StreamWrite } from '../../src/event-store/event-store.ts';
import { createMemoryEventStore } from '../../src/event-store/memory/memory-event-store.ts';
import type { NewEvent } from '../../src/kernel/event.ts';
import { lsn } from '../../src/kernel/lsn.ts';
import type { LogUnderTest } from '../../src/testing/contract/event-store.ts';
import { type RankedLog, ranked } from './ranked-log.ts';
import { scratchLog } from './scratch-log.ts';
import { natsLane } from './scratch-nats-log.ts';
import { scratchPostgresServer } from './scratch-postgres-log.ts';

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

const postgres = await scratchPostgresServer();

test('memory and SQLite agree on every random workload', () => agree(scratchLog, 60));

test('memory and PostgreSQL agree on every random workload', () => agree(() => postgres.newLog(), 40));

natsLane('a random workload in NATS', (nats) => {
  test('memory and NATS agree on every random workload', () => agree(() => nats.newLog(), 25, ranked));
});

/** `view`: what of an engine must agree. */
async function agree(
  make: () => LogUnderTest,
  numRuns: number,
  view: (store: EventStore) => RankedLog = (store) => store,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(steps, fc.array(reading, { maxLength: 5 }), async (workload, readings) => {
      await using log = make();
      await using opened = await log.open();
      await using reference = createMemoryEventStore();
      const engine = view(opened);
      const memory = view(reference);
      for (const appends of workload) {
        const [expected, actual] = await Promise.all(
          [memory, engine].map((store) => Promise.all(appends.map((append) => answer(store, ...append)))),
        );
        assert.deepEqual(actual, expected);
        assert.deepEqual(await headOf(engine), await headOf(memory));
      }
      for (const { filter, ...bounds } of readings) {
        const [expected, actual] = await Promise.all(
          [memory, engine].map((store) => Array.fromAsync(store.readLog({ ...filter, ...bounds }))),
        );
        assert.deepEqual(actual, expected);
      }
      for (const name of ['post-1', 'user-ä-🌳']) {
        assert.deepEqual(
          await Array.fromAsync(engine.readStream(name, { batchSize: 3 })),
          await Array.fromAsync(memory.readStream(name, { batchSize: 3 })),
        );
      }
    }),
    { numRuns, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: true },
  );
}

async function answer(
  store: RankedLog,
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

async function headOf(store: RankedLog): Promise<unknown> {
  const { position, progress: sources } = await store.head();
  return { position, sources: [...sources].sort((a, b) => (a.name < b.name ? -1 : 1)) };
}
