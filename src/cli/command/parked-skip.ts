// `banyan parked skip <domain> <stream>`: one event is left out of the service's store; the log keeps it.
import { openOperator } from '../../app/open-operator.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';

export const run: CommandRun = async ({ arguments: { domain, stream }, output, signal, config }) => {
  await using operator = await openOperator(await config());
  const skipped = await operator.skipParked(domain!, stream!, signal);
  output.result(
    'parked-skip',
    skipped,
    () => `${domain}: ${skipped.type} at version ${skipped.version} of ${skipped.stream} is left out`,
    {
      next: [
        { command: `banyan rebuild ${domain}`, why: 'applies it after all, once its handler is mended' },
      ],
    },
  );
  return EXIT.done;
};
