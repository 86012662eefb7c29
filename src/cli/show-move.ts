// A move of a domain, before it (the plan) and after it (what came of it), for a person and as JSON.
import type { MigrationPlan, MoveResult } from '../app/operator.ts';
import { EXIT } from '../kernel/error.ts';
import type { NextStep, Output } from './output.ts';
import { gateLines } from './show-status.ts';

export function showPlan(output: Output, domain: string, plan: MigrationPlan): number {
  const render = (): string =>
    plan.moves
      .map(({ from, to, gates, steps }) =>
        [
          `${domain}: ${stageText(from)} → ${stageText(to)}   (nothing changed yet)`,
          ...steps.map(({ what }, index) => `  ${index + 1} ${what}`),
          `  ${steps.length + 1} write ${stageText(to)} down; every gateway follows`,
          gates.length === 0 ? '  no gates' : `  gates: ${gates.join(', ')}`,
        ].join('\n'),
      )
      .join('\n');
  output.result('plan', plan, render);
  return EXIT.done;
}

/** Answers whether the domain was moved. */
export function showMove(output: Output, domain: string, result: MoveResult): boolean {
  const isMoved = result.outcome === 'moved';
  const render = (): string => {
    const refused = result.gates.filter(({ verdict }) => verdict !== 'pass').length;
    const head = isMoved
      ? `${domain} is ${stageText(result)}`
      : `${domain} stays ${stageText(result)}: ${refused === 1 ? '1 gate is' : `${refused} gates are`} not met`;
    return [head, ...(result.gates.length > 0 ? [gateLines(result.gates)] : [])].join('\n');
  };
  output.result('move', result, render, { ok: isMoved, next: nextMoves(domain, result) });
  return isMoved;
}

function nextMoves(domain: string, { outcome, stage, percent }: MoveResult): readonly NextStep[] {
  const forward: NextStep = {
    command: `banyan promote ${domain}${outcome === 'moved' ? '' : ' --wait'}`,
    why: outcome === 'moved' ? 'the next step, once its gates pass' : 'waits until the gates pass',
  };
  const back: NextStep = { command: `banyan rollback ${domain}`, why: 'the way back, at any time' };
  const isLast = stage === 'reading' && percent === 100;
  return [...(isLast ? [] : [forward]), ...(stage === 'mapped' ? [] : [back])];
}

function stageText({ stage, percent }: { readonly stage: string; readonly percent: number }): string {
  return stage === 'reading' ? `reading ${percent}%` : stage;
}
