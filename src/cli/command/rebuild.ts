// `banyan rebuild <domain>`: the service builds a new store from the first event, beside the live one, and swaps it in.
import { openOperator } from '../../app/open-operator.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';
import { parseDuration } from '../parse.ts';
import { count, duration, progressLine } from '../progress-bar.ts';

const DEFAULT_TIMEOUT_MS = 600_000;

export const run: CommandRun = async ({ arguments: { domain }, options, output, signal, config }) => {
  const timeoutMs =
    typeof options.timeout === 'string' ? parseDuration('timeout', options.timeout) : DEFAULT_TIMEOUT_MS;
  await using operator = await openOperator(await config());
  const result = await operator.rebuild(domain!, {
    signal,
    timeoutMs,
    onProgress: (progress) => output.progress(progressLine(progress, progress.label.length)),
  });
  output.result(
    'rebuild',
    result,
    () =>
      `${result.domain}: rebuilt from ${count(result.position)} positions of the log in ${duration(result.seconds)}`,
  );
  return EXIT.done;
};
