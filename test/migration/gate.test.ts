// Gates: each passes on good figures, fails on bad ones with both in its words, and says `not-enough-data` where there are none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Domain } from '../../src/domain/domain.ts';
import { lsn } from '../../src/kernel/lsn.ts';
import { STAGES } from '../../src/kernel/stage.ts';
import { uuidv7 } from '../../src/kernel/uuid.ts';
import { evaluateGates, GATES, type GateName, gatesOf } from '../../src/migration/gate.ts';
import { TRANSITIONS } from '../../src/migration/transition.ts';
import { openTown, orders, parcels, putAt, SOURCE, type Town, trafficOf } from './town.ts';

/** `verdict: measured`, and what to do about it. */
async function ask(town: Town, gate: GateName, domain: Domain = orders): Promise<readonly string[]> {
  const [result] = await evaluateGates(town.context, domain, [gate]);
  const { verdict, measured, remedy } = result!;
  return [`${verdict}: ${measured}`, ...(remedy === undefined ? [] : [remedy])];
}

test('where nothing runs and nothing was measured no gate passes, but for the one that looks at the source alone', async () => {
  const town = openTown({ captureLagMs: 5 });
  Object.assign(town.says, { flushedLsn: 9n, capture: null, service: null, traffic: null });
  const results = await evaluateGates(town.context, orders, Object.keys(GATES) as GateName[]);
  assert.deepEqual(
    results.map(({ gate, verdict }) => [gate, verdict]),
    [
      ['source is ready', 'pass'],
      ['capture lag', 'fail'],
      ['inputs are copied', 'fail'],
      ['nothing is parked', 'not-enough-data'],
      ['projection is live', 'not-enough-data'],
      ['verified', 'not-enough-data'],
      ['answers agree', 'not-enough-data'],
      ['few errors', 'not-enough-data'],
      ['few fallbacks', 'not-enough-data'],
    ],
  );
  for (const { gate, remedy } of results)
    if (gate !== 'source is ready') assert.match(remedy!, /^banyan /, gate);
});

test('source is ready: nothing stands in the way', async () => {
  const town = openTown();
  assert.deepEqual(await ask(town, 'source is ready'), ['pass: nothing stands in the way']);
  town.says.obstacles = ['orders has no key', 'wal_level is replica'];
  assert.deepEqual(await ask(town, 'source is ready'), [
    'fail: orders has no key; wal_level is replica',
    'banyan doctor',
  ]);
});

test('capture lag: what is committed now arrives within the limit, and the gate waits for it that long', async () => {
  const town = openTown({ captureLagMs: 60_000 });
  town.says.flushedLsn = 9n;
  const asked = ask(town, 'capture lag');
  await town.eventLog.append([], {
    source: { name: SOURCE, lsn: lsn(9n), position: 0, expected: undefined },
  });
  assert.match((await asked)[0]!, /^pass: \d+ ms, limit 60\.0 s$/);
  const late = openTown({ captureLagMs: 5 });
  late.says.flushedLsn = 9n;
  const [verdict, remedy] = await ask(late, 'capture lag');
  assert.match(verdict!, /^fail: over \d+ ms, limit 5 ms$/);
  assert.equal(remedy, 'banyan status');
});

test('inputs are copied: the domain and all that it listens to', async () => {
  const town = openTown();
  await putAt(town, parcels, 'backfilled');
  await putAt(town, orders, 'capturing');
  assert.deepEqual(await ask(town, 'inputs are copied', parcels), [
    'fail: orders is capturing',
    'banyan promote orders --to backfilled',
  ]);
  await putAt(town, orders, 'shadowing');
  assert.deepEqual(await ask(town, 'inputs are copied', parcels), ['pass: parcels, orders']);
  assert.deepEqual(await ask(town, 'inputs are copied', orders), ['pass: orders']);
});

test('nothing is parked: no key of its own tables, nor of those that it listens to, and no stream of its projection', async () => {
  const town = openTown();
  const parked = { table: 'orders', key: '7', error: 'OrderPlaced does not fit its schema', waiting: 2 };
  town.says.capture = { ...town.says.capture!, parked: [{ ...parked, table: 'other' }] };
  assert.deepEqual(await ask(town, 'nothing is parked'), ['pass: 0 keys, 0 streams']);
  town.says.capture = { ...town.says.capture, parked: [parked] };
  for (const domain of [orders, parcels]) {
    assert.deepEqual(await ask(town, 'nothing is parked', domain), [
      'fail: 1 keys, 0 streams; orders: OrderPlaced does not fit its schema',
      `banyan parked list ${domain.name}`,
    ]);
  }
  const stream = { stream: 'order-7', version: 2, position: 9, type: 'OrderPlaced', waiting: 0 };
  town.says.service = {
    ...town.says.service!,
    parked: [{ ...stream, error: 'the handler threw TypeError' }],
  };
  town.says.capture = { ...town.says.capture, parked: [] };
  assert.deepEqual(await ask(town, 'nothing is parked'), [
    'fail: 0 keys, 1 streams; order-7: the handler threw TypeError',
    'banyan parked list orders',
  ]);
});

test('projection is live: caught up within the limit, and at work', async () => {
  const town = openTown({ projectionLagEvents: 10 });
  const service = town.says.service!;
  const cases = [
    [{ lagEvents: 10 }, 'pass: 10 events behind, limit 10'],
    [{ lagEvents: 11 }, 'fail: 11 events behind, limit 10'],
    [{ state: 'building' }, 'fail: its store is being built, 0 events behind, limit 10'],
    [{ error: 'Projection orders failed' }, 'fail: Projection orders failed'],
  ] as const;
  for (const [part, expected] of cases) {
    town.says.service = { ...service, ...part };
    assert.deepEqual(await ask(town, 'projection is live'), [expected]);
  }
});

test('verified: every row, none different, not too long ago; the measurement keeps its own time', async () => {
  const hourMs = 3_600_000;
  const town = openTown({ verifiedWithinMs: 24 * hourMs });
  const cases = [
    [{ rows: 90, rowsDiffering: 0 }, 1, 'pass: 0 of 90 rows differ at 0/9, 60 min ago, limit 24 h'],
    [{ rows: 90, rowsDiffering: 2 }, 1, 'fail: 2 of 90 rows differ at 0/9, 60 min ago, limit 24 h'],
    [{ rows: 0, rowsDiffering: 0 }, 1, 'fail: 0 of 0 rows differ at 0/9, 60 min ago, limit 24 h'],
    [{ rows: 90, rowsDiffering: 0 }, 25, 'fail: 0 of 90 rows differ at 0/9, 25 h ago, limit 24 h'],
  ] as const;
  for (const [rows, ageHours, expected] of cases) {
    const time = new Date(Date.now() - ageHours * hourMs).toISOString();
    const data = { ...rows, lsn: '0/9', by: 'ann' };
    const event = { id: uuidv7(), type: 'VerificationRecorded', time, schemaVersion: 1, data } as const;
    await town.eventLog.append([
      { stream: 'migration-orders', expected: 'any', events: [{ ...event, meta: { origin: 'command' } }] },
    ]);
    const [result] = await evaluateGates(town.context, orders, ['verified']);
    assert.deepEqual([`${result!.verdict}: ${result!.measured}`, result!.measuredAt], [expected, time]);
    assert.equal(result!.remedy, result!.verdict === 'pass' ? undefined : 'banyan verify orders');
  }
});

test('answers agree: enough comparisons, and not one that differs', async () => {
  const town = openTown({ shadowComparisons: 200 });
  const cases = [
    [{ compared: 200 }, ['pass: 0 of 200 differ, at least 200 needed']],
    [{ compared: 199 }, ['not-enough-data: 0 of 199 differ, at least 200 needed']],
    [
      { compared: 9_000, differs: 1 },
      ['fail: 1 of 9000 differ, at least 200 needed', 'banyan shadow orders'],
    ],
    [{ compared: 1, differs: 1 }, ['fail: 1 of 1 differ, at least 200 needed', 'banyan shadow orders']],
  ] as const;
  for (const [since, expected] of cases) {
    town.says.traffic = trafficOf(since);
    assert.deepEqual(await ask(town, 'answers agree'), expected);
  }
});

test('few errors and few fallbacks: their share of all queries on the side of the service, once there are enough', async () => {
  const town = openTown({ errorShare: 0.01, fallbackShare: 0.05, trafficQueries: 100 });
  const cases = [
    [{}, 'not-enough-data: no queries', 'not-enough-data: no queries'],
    [{ readsByService: 99 }, 'not-enough-data: 0.00 % of 99', 'not-enough-data: 0.00 % of 99'],
    [
      { readsByService: 94, fallbackFailed: 1, fallbackBehind: 5 },
      'pass: 1.00 % of 100',
      'pass: 5.00 % of 100',
    ],
    [
      { readsByService: 92, fallbackFailed: 2, fallbackBehind: 6 },
      'fail: 2.00 % of 100',
      'fail: 6.00 % of 100',
    ],
  ] as const;
  for (const [since, errors, fallbacks] of cases) {
    town.says.traffic = trafficOf(since);
    const least = 'at least 100 queries needed';
    assert.deepEqual(await ask(town, 'few errors'), [`${errors}, limit 1 %, ${least}`]);
    assert.deepEqual(await ask(town, 'few fallbacks'), [`${fallbacks}, limit 5 %, ${least}`]);
  }
});

test('each stage asks for what the one before did and more; more reads also ask how the fewer went; a way back asks nothing', () => {
  const following = ['capture lag', 'inputs are copied', 'nothing is parked', 'projection is live'];
  const proven = [...following, 'verified', 'answers agree'];
  const expected = {
    mapped: ['source is ready'],
    capturing: [],
    backfilled: following,
    shadowing: proven,
    reading: [...proven, 'few errors', 'few fallbacks'],
  };
  for (const stage of STAGES) {
    const from = { stage, percent: 0 };
    const { promote, rollback } = TRANSITIONS[stage];
    if (promote !== 'refused') {
      assert.deepEqual(
        gatesOf({ direction: 'promote', from, to: { stage: promote, percent: 1 } }),
        expected[stage],
      );
    }
    if (rollback !== 'refused') {
      assert.deepEqual(gatesOf({ direction: 'rollback', from, to: { stage: rollback, percent: 0 } }), []);
    }
  }
});
