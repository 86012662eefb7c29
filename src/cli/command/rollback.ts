// `banyan rollback <domain>`: one stage back, or to the one named; never gated.
import { openOperator } from '../../app/open-operator.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';
import { moveOf } from '../move-options.ts';
import { showMove, showPlan } from '../show-move.ts';

export const run: CommandRun = async ({ arguments: { domain }, options, output, signal, config }) => {
  const move = moveOf(options);
  await using operator = await openOperator(await config());
  if (options.plan === true) return showPlan(output, domain!, await operator.plan(domain!, 'rollback', move));
  const result = await operator.rollback(domain!, { ...move, signal, onStep: output.note });
  return showMove(output, domain!, result) ? EXIT.done : EXIT.refused;
};
