// Moving a domain: plan, gates, steps, and the one append that decides. A failure or a crash anywhere leaves the stage as
// it was and the steps repeatable; the same command finishes it.
import type { BackfillProgress } from '../backfill/backfill.ts';
import type { Domain } from '../domain/domain.ts';
import { BanyanError } from '../kernel/error.ts';
import { type GateResult, STAGES, type Stage, type StageChanged } from '../kernel/stage.ts';
import { pause } from '../runtime/wait.ts';
import { evaluateGates, type GateName, gatesOf } from './gate.ts';
import { type Migration, readMigration, record } from './migration.ts';
import { inputsOf, type MigrationContext } from './ports.ts';
import { type PlannedStep, runStep, stepsOf } from './step.ts';
import { type Direction, type Move, type MoveRequest, movesTo } from './transition.ts';

export interface PlannedMove extends Move {
  readonly gates: readonly GateName[];
  readonly steps: readonly PlannedStep[];
}

export interface MigrationPlan {
  readonly domain: string;
  readonly moves: readonly PlannedMove[];
}

export interface MoveOptions extends MoveRequest {
  readonly by: string;
  readonly reason?: string;
  readonly signal: AbortSignal;
  /** Wait this long for gates that do not pass yet, instead of refusing at once. */
  readonly waitForGatesMs?: number;
  /** Told, while it waits, what was measured last. */
  readonly onWaiting?: (gates: readonly GateResult[]) => void;
  readonly onProgress?: (progress: BackfillProgress) => void;
  readonly onStep?: (text: string) => void;
}

export interface MoveResult {
  readonly outcome: 'moved' | 'refused';
  readonly domain: string;
  readonly stage: Stage;
  readonly percent: number;
  /** Of the last move that was tried. */
  readonly gates: readonly GateResult[];
}

const GATES_POLL_MS = 250;

/** What `move` would do, exactly. Rejects with TRANSITION_REFUSED when there is no such move. */
export async function planMove(
  context: MigrationContext,
  domain: Domain,
  direction: Direction,
  request: MoveRequest,
): Promise<MigrationPlan> {
  const migration = await readMigration(context.eventLog, domain.name);
  const moves = movesTo(migration.route, direction, request);
  if ('refused' in moves) {
    throw new BanyanError('TRANSITION_REFUSED', `${domain.name} cannot be moved: ${moves.refused}`, {
      at: `domain ${domain.name}`,
    });
  }
  if (moves.some(({ to }) => to.stage === 'mapped')) await assertNobodyReads(context, domain);
  return {
    domain: domain.name,
    moves: moves.map((move) => ({ ...move, gates: gatesOf(move), steps: stepsOf(context, domain, move) })),
  };
}

/** Runs a plan move by move, as far as its gates let it. */
export async function applyPlan(
  context: MigrationContext,
  domain: Domain,
  plan: MigrationPlan,
  options: MoveOptions,
): Promise<MoveResult> {
  let migration = await readMigration(context.eventLog, domain.name);
  let gates: readonly GateResult[] = [];
  const result = (outcome: MoveResult['outcome']): MoveResult => {
    const { stage, percent } = migration.route;
    return { outcome, domain: domain.name, stage, percent, gates };
  };
  for (const move of plan.moves) {
    const { stage, percent } = migration.route;
    if (stage !== move.from.stage || percent !== move.from.percent) {
      throw new BanyanError(
        'MIGRATION_CONFLICT',
        `${domain.name} is ${stage} ${percent} %, the plan was made from ${move.from.stage} ${move.from.percent} %`,
      );
    }
    gates = await passGates(context, domain, move, options);
    if (gates.some(({ verdict }) => verdict !== 'pass')) {
      await record(
        context.eventLog,
        await readMigration(context.eventLog, domain.name),
        { type: 'GatesRefused', data: { to: move.to.stage, gates, by: options.by } },
        options.by,
      );
      return result('refused');
    }
    migration = await runMove(context, move, migration, gates, options);
  }
  return result('moved');
}

async function passGates(
  context: MigrationContext,
  domain: Domain,
  move: PlannedMove,
  options: MoveOptions,
): Promise<readonly GateResult[]> {
  const deadline = performance.now() + (options.waitForGatesMs ?? 0);
  for (;;) {
    const gates = await evaluateGates(context, domain, move.gates);
    if (gates.every(({ verdict }) => verdict === 'pass') || performance.now() >= deadline) return gates;
    if (options.signal.aborted)
      throw new BanyanError('INTERRUPTED', `Stopped waiting for the gates of ${domain.name}`);
    options.onWaiting?.(gates);
    await pause(GATES_POLL_MS, options.signal);
  }
}

async function runMove(
  context: MigrationContext,
  move: PlannedMove,
  before: Migration,
  gates: readonly GateResult[],
  options: MoveOptions,
): Promise<Migration> {
  let migration = before;
  let rows: number | undefined;
  const { signal, onProgress, onStep, by } = options;
  const note = onStep ?? (() => undefined);
  // Going back, the stage is written first: nobody may rely on what the steps take away.
  if (move.direction === 'rollback') migration = await switchStage(context, move, migration, gates, options);
  for (const step of move.steps) {
    if (step.step !== 'copy-table') note(step.what);
    const findings = await runStep(step, {
      context,
      signal,
      onNote: note,
      ...(onProgress ? { onProgress } : {}),
    });
    if (findings.rows !== undefined) rows = (rows ?? 0) + findings.rows;
  }
  if (rows !== undefined)
    migration = await record(
      context.eventLog,
      migration,
      { type: 'BackfillRecorded', data: { rows, by } },
      by,
    );
  if (move.direction === 'promote') migration = await switchStage(context, move, migration, gates, options);
  return migration;
}

/** The append that moves the domain; every gateway follows it. */
async function switchStage(
  context: MigrationContext,
  move: Move,
  migration: Migration,
  gates: readonly GateResult[],
  options: MoveOptions,
): Promise<Migration> {
  const data: StageChanged = {
    domain: migration.domain,
    from: move.from.stage,
    to: move.to.stage,
    percent: move.to.percent,
    direction: move.direction,
    by: options.by,
    reason: options.reason ?? null,
    gates,
  };
  return record(context.eventLog, migration, { type: 'StageChanged', data }, options.by);
}

/** A domain whose events others answer from cannot stop being captured: their answers would go stale unseen. */
async function assertNobodyReads(context: MigrationContext, domain: Domain): Promise<void> {
  for (const other of context.domains) {
    if (!inputsOf(context, other).includes(domain)) continue;
    const { stage } = (await readMigration(context.eventLog, other.name)).route;
    if (STAGES.indexOf(stage) >= STAGES.indexOf('shadowing')) {
      throw new BanyanError(
        'TRANSITION_REFUSED',
        `${domain.name} cannot go back to mapped while ${other.name} is ${stage}`,
        {
          why: `the store of ${other.name} follows its events`,
          remedy: `banyan rollback ${other.name} --to backfilled`,
        },
      );
    }
  }
}
