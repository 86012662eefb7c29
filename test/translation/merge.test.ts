// The merge of live changes with a copy, under random transactions, visibility, chunk reads and marks: whatever was read
// when, each row is told as it was, in commit order, and ends as it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CopyUnderTest, type Step } from './copy-under-test.ts';
import type { Operation } from './simulated-table.ts';

const KEYS = 5;
/** Enough for each rule of the merge: without any of them a run fails. */
const RUNS = 600;
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
        weight: areMovesWhole ? 12 : 40,
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

const steps = (
  changes: fc.Arbitrary<readonly Operation[]>,
  ...others: ('break' | 'retry')[]
): fc.Arbitrary<readonly Step[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ step: fc.constant('commit' as const), operations: changes, pick: fc.nat(9) }),
      },
      {
        weight: 8,
        arbitrary: fc.record({
          step: fc.constantFrom('reveal' as const, 'read' as const, 'mark' as const, ...others),
          pick: fc.nat(9),
        }),
      },
    ),
    { maxLength: 40 },
  );

interface History {
  readonly before: readonly Step[];
  readonly during: readonly Step[];
  /** The first copy is given up before its end. */
  readonly isGivenUp: boolean;
  readonly after: readonly Step[];
  readonly unseen: readonly Step[];
  readonly again: readonly Step[];
}

const history = (steps: fc.Arbitrary<readonly Step[]>): fc.Arbitrary<History> =>
  fc.record({
    before: steps,
    during: steps,
    isGivenUp: fc.boolean(),
    after: steps,
    unseen: steps,
    again: steps,
  });

async function live({ before, during, isGivenUp, after, unseen, again }: History): Promise<CopyUnderTest> {
  const copy = new CopyUnderTest();
  await copy.take(before, 'unseen');
  copy.open();
  await copy.take(during);
  if (!isGivenUp) {
    await copy.complete();
    await copy.take(after);
    copy.assertInOrder();
  }
  copy.beginAnew();
  await copy.take(unseen, 'unseen');
  copy.open();
  await copy.take(again);
  await copy.complete();
  await copy.take(after);
  return copy;
}

test('each row is created once, then its changes follow in commit order, and it ends as the table has it', () =>
  fc.assert(
    fc.asyncProperty(history(steps(operations(true))), async (all) => {
      using copy = await live(all);
      assert.deepEqual(copy.parked(), []);
      copy.assertGapless();
    }),
    { numRuns: RUNS },
  ));

test('a row that moved before all of it was known is told right, or parked until it is written again; it is never lost', () =>
  fc.assert(
    fc.asyncProperty(history(steps(operations(false))), async (all) => {
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
    fc.asyncProperty(history(steps(operations(true), 'break', 'retry')), async (all) => {
      using copy = await live(all);
      copy.assertGapless();
      await copy.mend();
      assert.deepEqual(copy.parked(), []);
      copy.assertGapless();
    }),
    { numRuns: RUNS },
  ));

const put = (...keys: readonly number[]): Step => ({
  step: 'commit',
  operations: keys.map((one) => ({ does: 'put', key: one, isNoteWritten: true })),
  pick: 0,
});
const removal = (one: number): Step => ({
  step: 'commit',
  operations: [{ does: 'remove', key: one }],
  pick: 0,
});
const moves = (...pairs: readonly (readonly [number, number])[]): Step => ({
  step: 'commit',
  operations: pairs.map(([from, to]) => ({ does: 'move', key: from, to, isNoteWritten: false })),
  pick: 0,
});
const reveal: Step = { step: 'reveal', pick: 0 };

/** What random histories find seldom. */
const RARE: readonly Pick<History, 'before' | 'during'>[] = [
  // The row arrives where another one was told and removed, and only its new key's chunk has it.
  { before: [put(4)], during: [put(3), removal(3), moves([4, 3]), reveal, reveal, reveal] },
  // The row goes on at once, and the key between is read as it was before.
  {
    before: [put(2, 4)],
    during: [removal(4), { step: 'read', pick: 2 }, moves([2, 4], [4, 0]), reveal, reveal],
  },
];

for (const [index, { before, during }] of RARE.entries())
  test(`a row whose chunk has all of it is never parked for what a move left out (${index + 1})`, async () => {
    using copy = new CopyUnderTest();
    await copy.take(before, 'unseen');
    copy.open();
    await copy.take(during);
    await copy.complete();
    assert.deepEqual(copy.parked(), []);
    copy.assertInOrder();
  });
