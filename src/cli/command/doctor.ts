// `banyan doctor`: every precondition at the source, with the exact SQL for each that is not met. Changes nothing.
import { openOperator } from '../../app/open-operator.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';
import { paint } from '../output.ts';

export const run: CommandRun = async ({ output, config }) => {
  await using operator = await openOperator(await config());
  const findings = await operator.doctor();
  const blocking = findings.filter(({ level }) => level === 'blocking');
  const marks = { ok: paint('green', '✓'), blocking: paint('red', '✗'), advice: paint('yellow', '!') };
  const render = (): string =>
    [
      ...findings.map(({ level, what }) => `${marks[level]} ${what}`),
      ...findings
        .filter(({ sql }) => sql !== undefined)
        .map(({ level, sql }) => `\n${level === 'blocking' ? 'Fix (blocks capture)' : 'Advice'}\n  ${sql}`),
    ].join('\n');
  output.result('doctor', findings, render, { ok: blocking.length === 0 });
  return blocking.length === 0 ? EXIT.done : EXIT.refused;
};
