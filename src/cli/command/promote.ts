// `banyan promote <domain>`: the next stage, if its gates pass. `--plan` prints the very plan that would run.
import { openOperator } from '../../app/open-operator.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';
import { copyBars } from '../copy-bars.ts';
import { moveOf } from '../move-options.ts';
import { parseDuration } from '../parse.ts';
import { showMove, showPlan } from '../show-move.ts';
import { gateLines } from '../show-status.ts';

const DEFAULT_TIMEOUT_MS = 600_000;

export const run: CommandRun = async ({ arguments: { domain }, options, output, signal, config }) => {
  const move = moveOf(options);
  await using operator = await openOperator(await config());
  if (options.plan === true) return showPlan(output, domain!, await operator.plan(domain!, 'promote', move));
  const bars = copyBars(output);
  const waitMs =
    typeof options.timeout === 'string' ? parseDuration('timeout', options.timeout) : DEFAULT_TIMEOUT_MS;
  const result = await operator.promote(domain!, {
    ...move,
    signal,
    onProgress: bars.report,
    onStep: output.note,
    onWaiting: (gates) =>
      output.progress(`${domain} waits for its gates; Ctrl-C leaves it where it is\n${gateLines(gates)}`),
    ...(options.wait === true ? { waitForGatesMs: waitMs } : {}),
  });
  return showMove(output, domain!, result) ? EXIT.done : EXIT.refused;
};
