// Which moves there are: a total table of stage and direction. A stage that is added does not compile until every cell is
// decided. Inside `reading` the share of sessions moves, in steps, without leaving the stage.
import { type DomainRoute, STAGES, type Stage } from '../kernel/stage.ts';

export type Direction = 'promote' | 'rollback';

export const TRANSITIONS: { readonly [From in Stage]: { readonly [D in Direction]: Stage | 'refused' } } = {
  mapped: { promote: 'capturing', rollback: 'refused' },
  capturing: { promote: 'backfilled', rollback: 'mapped' },
  backfilled: { promote: 'shadowing', rollback: 'capturing' },
  shadowing: { promote: 'reading', rollback: 'backfilled' },
  reading: { promote: 'reading', rollback: 'shadowing' },
};

/** Shares of sessions that `promote` goes through when none is named. */
export const READ_STEPS: readonly number[] = [1, 25, 100];

export interface MoveRequest {
  readonly to?: Stage;
  readonly reads?: number;
}

export interface Move {
  readonly direction: Direction;
  readonly from: { readonly stage: Stage; readonly percent: number };
  readonly to: { readonly stage: Stage; readonly percent: number };
}

/** The moves from `route` to what is asked for, one stage at a time; or why there are none. */
export function movesTo(
  route: DomainRoute,
  direction: Direction,
  request: MoveRequest,
): readonly Move[] | { readonly refused: string } {
  const { reads } = request;
  if (reads !== undefined && request.to !== undefined && request.to !== 'reading') {
    return { refused: `a share of reads belongs to the stage reading, not to ${request.to}` };
  }
  const next = TRANSITIONS[route.stage][direction];
  if (next === 'refused') return { refused: `${route.stage} is the first stage` };
  const isWithinReading =
    route.stage === 'reading' &&
    (request.to === 'reading' ||
      (request.to === undefined && (direction === 'promote' || reads !== undefined)));
  if (isWithinReading) return moveShare(route, direction, reads);

  const goal = request.to ?? (reads === undefined ? next : 'reading');
  const distance = STAGES.indexOf(goal) - STAGES.indexOf(route.stage);
  if (distance === 0) return { refused: `it is ${route.stage} already` };
  if (distance > 0 !== (direction === 'promote'))
    return { refused: `${goal} is not reached by a ${direction} from ${route.stage}` };

  const moves: Move[] = [];
  let from = { stage: route.stage, percent: route.percent };
  while (from.stage !== goal) {
    const stage = TRANSITIONS[from.stage][direction] as Stage;
    const to = { stage, percent: stage === 'reading' ? (reads ?? READ_STEPS[0]!) : 0 };
    moves.push({ direction, from, to });
    from = to;
  }
  return moves;
}

function moveShare(
  route: DomainRoute,
  direction: Direction,
  reads: number | undefined,
): readonly Move[] | { readonly refused: string } {
  const percent = reads ?? READ_STEPS.find((step) => step > route.percent);
  if (percent === undefined) return { refused: 'all reads go to the service already' };
  if (direction === 'promote' ? percent <= route.percent : percent >= route.percent) {
    return { refused: `${percent} % is not reached by a ${direction} from ${route.percent} %` };
  }
  const from = { stage: 'reading', percent: route.percent } as const;
  return [{ direction, from, to: { stage: 'reading', percent } }];
}
