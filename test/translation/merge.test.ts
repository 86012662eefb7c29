// The merge of live changes with a copy, under random transactions, visibility, chunk reads and marks: whatever was read
// when, each row is told as it was, in commit order, and ends as it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CopyUnderTest, type Step } from './copy-under-test.ts';
import type { Operation } from './simulated-table.ts';

const KEYS = 9;
/** Enough for each rule of the merge: without any of them a run fails. */
const RUNS = 400;
const key = fc.nat(KEYS);

const operations = (areMovesWhole: boolean): fc.Arbitrary<readonly Operation[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 30,
        arbitrary: fc.record({ does: fc.constant('put' as const), key, isNoteWritten: fc.boolean() }),
      },
      { weight: 12, arbitrary: fc.record({ does: fc.constant('remove' as const), key }) },
      {
        weight: 12,
        arbitrary: fc.record({
          does: fc.constant('move' as const),
          ...{ key, to: key },
          isNoteWritten: areMovesWhole ? fc.constant(true) : fc.boolean(),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ does: 'truncate' as const }) },
    ),
    { minLength: 1, maxLength: 4 },
  );

const steps = (changes: fc.Arbitrary<readonly Operation[]>): fc.Arbitrary<readonly Step[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ step: fc.constant('commit' as const), operations: changes, pick: fc.nat(9) }),
      },
      {
        weight: 8,
        arbitrary: fc.record({
          step: fc.constantFrom('reveal' as const, 'read' as const, 'mark' as const, 'retry' as const),
          pick: fc.nat(9),
        }),
      },
    ),
    { maxLength: 40 },
  );

interface History {
  readonly before: readonly Step[];
  readonly during: readonly Step[];
  readonly after: readonly Step[];
  readonly unseen: readonly Step[];
  readonly again: readonly Step[];
  readonly broken: readonly number[];
}

const history = (changes: fc.Arbitrary<readonly Operation[]>, broken = 0): fc.Arbitrary<History> =>
  fc.record({
    before: steps(changes),
    during: steps(changes),
    after: steps(changes),
    unseen: steps(changes),
    again: steps(changes),
    broken: fc.array(key, { maxLength: broken }),
  });

async function live({ before, during, after, unseen, again, broken }: History): Promise<CopyUnderTest> {
  const copy = new CopyUnderTest(broken);
  await copy.take(before, 'unseen');
  copy.open();
  await copy.take(during);
  await copy.complete();
  await copy.take(after);
  copy.assertToldSoFar();
  await copy.take(unseen, 'unseen');
  copy.open();
  await copy.take(again);
  await copy.complete();
  await copy.take(after);
  return copy;
}

test('each row is created once, then its changes follow in commit order, and it ends as the table has it', () =>
  fc.assert(
    fc.asyncProperty(history(operations(true)), async (all) => {
      using copy = await live(all);
      assert.deepEqual(copy.parked(), []);
      copy.assertGapless();
    }),
    { numRuns: RUNS },
  ));

test('a row that moved before all of it was known is told right, or parked until it is written again; it is never lost', () =>
  fc.assert(
    fc.asyncProperty(history(operations(false)), async (all) => {
      using copy = await live(all);
      copy.assertInOrder();
      await copy.rewrite(KEYS);
      assert.deepEqual(copy.parked(), []);
      copy.assertInOrder();
    }),
    { numRuns: RUNS },
  ));

test('a key whose mapping fails is parked with all that follows, and told in order once the mapping is mended', () =>
  fc.assert(
    fc.asyncProperty(history(operations(true), 4), async (all) => {
      using copy = await live(all);
      copy.assertGapless();
      await copy.mend();
      assert.deepEqual(copy.parked(), []);
      copy.assertGapless();
    }),
    { numRuns: RUNS },
  ));
