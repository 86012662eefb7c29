// The moves between stages: every stage has an answer to every move, and every way forward has its way back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type DomainRoute, STAGES, type Stage } from '../../src/kernel/stage.ts';
import {
  type Direction,
  type Move,
  type MoveRequest,
  movesTo,
  READ_STEPS,
  TRANSITIONS,
} from '../../src/migration/transition.ts';

function at(stage: Stage, percent = 0): DomainRoute {
  return { stage, percent, epoch: 0, revision: 1 };
}

/** The places that the moves lead through, as text; or why there are none. */
function answer(route: DomainRoute, direction: Direction, request: MoveRequest = {}): string {
  const moves = movesTo(route, direction, request);
  if ('refused' in moves) return `refused: ${moves.refused}`;
  return moves.map(({ to }) => placeOf(to)).join(', ');
}

const placeOf = ({ stage, percent }: Move['to']): string =>
  stage === 'reading' ? `${stage} ${percent} %` : stage;

test('a promotion leads to the next stage and a rollback to the one before; only the first stage has none', () => {
  const answers = STAGES.map((stage) => [answer(at(stage), 'promote'), answer(at(stage), 'rollback')]);
  assert.deepEqual(answers, [
    ['capturing', 'refused: mapped is the first stage'],
    ['backfilled', 'mapped'],
    ['shadowing', 'capturing'],
    ['reading 1 %', 'backfilled'],
    ['reading 1 %', 'shadowing'],
  ]);
  for (const [index, stage] of STAGES.entries()) {
    assert.equal(TRANSITIONS[stage].rollback, STAGES[index - 1] ?? 'refused');
    assert.equal(TRANSITIONS[stage].promote, STAGES[index + 1] ?? 'reading');
  }
});

test('inside reading the share of sessions grows by steps, to any share that is named, and shrinks likewise', () => {
  const cases: readonly (readonly [number, Direction, MoveRequest, string])[] = [
    [1, 'promote', {}, 'reading 25 %'],
    [2, 'promote', {}, 'reading 25 %'],
    [25, 'promote', {}, 'reading 100 %'],
    [100, 'promote', {}, 'refused: all reads go to the service already'],
    [1, 'promote', { reads: 60 }, 'reading 60 %'],
    [1, 'promote', { to: 'reading', reads: 60 }, 'reading 60 %'],
    [60, 'promote', { reads: 60 }, 'refused: 60 % is not reached by a promote from 60 %'],
    [60, 'promote', { reads: 5 }, 'refused: 5 % is not reached by a promote from 60 %'],
    [60, 'rollback', { reads: 5 }, 'reading 5 %'],
    [60, 'rollback', { reads: 0 }, 'reading 0 %'],
    [60, 'rollback', { reads: 99 }, 'refused: 99 % is not reached by a rollback from 60 %'],
    [60, 'rollback', { reads: 60 }, 'refused: 60 % is not reached by a rollback from 60 %'],
    [60, 'rollback', {}, 'shadowing'],
  ];
  for (const [percent, direction, request, expected] of cases) {
    assert.equal(answer(at('reading', percent), direction, request), expected);
  }
});

test('a stage that is named is reached stage by stage, in its own direction only', () => {
  const cases: readonly (readonly [DomainRoute, Direction, MoveRequest, string])[] = [
    [at('mapped'), 'promote', { to: 'shadowing' }, 'capturing, backfilled, shadowing'],
    [at('backfilled'), 'promote', { reads: 40 }, 'shadowing, reading 40 %'],
    [at('reading', 25), 'rollback', { to: 'mapped' }, 'shadowing, backfilled, capturing, mapped'],
    [at('capturing'), 'promote', { to: 'capturing' }, 'refused: it is capturing already'],
    [
      at('backfilled'),
      'promote',
      { to: 'mapped' },
      'refused: mapped is not reached by a promote from backfilled',
    ],
    [
      at('backfilled'),
      'rollback',
      { to: 'reading' },
      'refused: reading is not reached by a rollback from backfilled',
    ],
    [
      at('mapped'),
      'promote',
      { to: 'capturing', reads: 5 },
      'refused: a share of reads belongs to the stage reading, not to capturing',
    ],
  ];
  for (const [route, direction, request, expected] of cases) {
    assert.equal(answer(route, direction, request), expected);
  }
});

const share = fc.integer({ min: 0, max: 100 });
const route = fc
  .tuple(fc.constantFrom(...STAGES), share)
  .map(([stage, percent]) => at(stage, stage === 'reading' ? percent : 0));
const request: fc.Arbitrary<MoveRequest> = fc.record(
  { to: fc.constantFrom(...STAGES), reads: share },
  { requiredKeys: [] },
);

test('whatever is asked of whatever stage, the moves join up, each crosses one border, and the last is what was asked', () => {
  fc.assert(
    fc.property(route, fc.constantFrom('promote', 'rollback'), request, (from, direction, asked) => {
      const moves = movesTo(from, direction, asked);
      if ('refused' in moves) return assert.ok(moves.refused.length > 0);
      assert.ok(moves.length > 0);
      let here: Move['from'] = { stage: from.stage, percent: from.percent };
      for (const move of moves) {
        assert.deepEqual(move.from, here);
        const step = STAGES.indexOf(move.to.stage) - STAGES.indexOf(here.stage);
        if (step === 0) assert.equal(move.to.percent > here.percent, direction === 'promote');
        else assert.equal(step, direction === 'promote' ? 1 : -1);
        here = move.to;
      }
      if (asked.to !== undefined) assert.equal(here.stage, asked.to);
      if (asked.reads !== undefined) assert.deepEqual(here, { stage: 'reading', percent: asked.reads });
    }),
  );
});

test('a promotion that is rolled back can be made again, and ends where it ended', () => {
  fc.assert(
    fc.property(route, request, (from, asked) => {
      const there = movesTo(from, 'promote', asked);
      fc.pre(!('refused' in there));
      const reached = there.at(-1)!.to;
      const back = movesTo(
        { ...from, ...reached },
        'rollback',
        from.stage === 'reading' ? { reads: from.percent } : { to: from.stage },
      );
      assert.ok(!('refused' in back), 'the way back is open');
      assert.deepEqual(back.at(-1)!.to, { stage: from.stage, percent: from.percent });
      assert.deepEqual(movesTo(from, 'promote', asked), there);
      if (from.stage !== 'reading')
        assert.deepEqual(
          back
            .map(({ to }) => to)
            .toReversed()
            .slice(1),
          there.slice(0, -1).map(({ to }) => to),
        );
    }),
  );
});

test('the steps of the share end with all sessions', () => {
  assert.deepEqual(
    [...READ_STEPS].sort((a, b) => a - b),
    READ_STEPS,
  );
  assert.equal(READ_STEPS.at(-1), 100);
});
