// `banyan backfill <domain>`: existing rows into the log. Ctrl-C pauses; running it again goes on where it stopped.
import { openOperator } from '../../app/open-operator.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';
import { copyBars } from '../copy-bars.ts';
import { parseWhole } from '../parse.ts';
import { count } from '../progress-bar.ts';

export const run: CommandRun = async ({ arguments: { domain }, options, output, signal, config }) => {
  const rate =
    typeof options.rate === 'string' ? parseWhole('rate', options.rate, 1, 1_000_000_000) : undefined;
  await using operator = await openOperator(await config());
  const bars = copyBars(output);
  const result = await operator.backfill(domain!, {
    signal,
    onProgress: bars.report,
    ...(rate === undefined ? {} : { rowsPerSecond: rate }),
  });
  output.result(
    'backfill',
    result,
    () => `${result.domain}: ${count(result.rows)} rows of ${result.tables.join(', ')} are in the log`,
    {
      next: [
        { command: `banyan verify ${domain}`, why: "compare the service's store with the monolith's tables" },
      ],
    },
  );
  return EXIT.done;
};
