// A move of a domain, before it (the plan) and after it (what came of it), for a person and as JSON.
import type { MigrationPlan, MoveResult } from '../app/operator.ts';
import { EXIT } from '../kernel/error.ts';
import type { Output } from './output.ts';
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
      : `${domain} stays ${stageText(result)}: ${refused} gates are not met`;
    return [head, ...(result.gates.length > 0 ? [gateLines(result.gates)] : [])].join('\n');
  };
  const next = isMoved ? [{ command: `banyan rollback ${domain}`, why: 'the way back, at any time' }] : [];
  output.result('move', result, render, { ok: isMoved, next });
  return isMoved;
}

function stageText({ stage, percent }: { readonly stage: string; readonly percent: number }): string {
  return stage === 'reading' ? `reading ${percent}%` : stage;
}
