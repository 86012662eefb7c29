// `banyan parked retry <domain> [stream]`: what waits is applied, in order, as far as it goes.
import { openOperator } from '../../app/open-operator.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';
import { count } from '../progress-bar.ts';

export const run: CommandRun = async ({ arguments: { domain, stream }, output, signal, config }) => {
  await using operator = await openOperator(await config());
  const left = await operator.retryParked(domain!, stream, signal);
  const render = (): string =>
    left.length === 0
      ? `${domain}: nothing is parked any more`
      : [
          `${domain}: ${count(left.length)} streams are parked still`,
          ...left.map(({ stream: name, version, error }) => `  ${name} at version ${version}: ${error}`),
        ].join('\n');
  output.result('parked-retry', left, render, { ok: left.length === 0 });
  return left.length === 0 ? EXIT.done : EXIT.different;
};
