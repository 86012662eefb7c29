// `banyan parked list`: keys whose mapping failed and streams whose event could not be applied, with the reason and the queue.
import { openOperator } from '../../app/open-operator.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';

export const run: CommandRun = async ({ arguments: { domain }, output, config }) => {
  await using operator = await openOperator(await config());
  const parked = await operator.parked(domain);
  const lines = parked.map(
    ({ domain: name, what, error, waiting }) => `${name}  ${what}  ${error}  (${waiting} behind it)`,
  );
  const streams = parked.filter(({ kind }) => kind === 'stream');
  output.result('parked', parked, () => (parked.length === 0 ? 'nothing is parked' : lines.join('\n')), {
    ok: parked.length === 0,
    next: [
      ...(streams[0]
        ? [
            {
              command: `banyan parked show ${streams[0].domain} ${streams[0].what}`,
              why: 'the events that wait',
            },
            { command: `banyan parked retry ${streams[0].domain}`, why: 'once the handler is mended' },
          ]
        : []),
      ...(parked.length > streams.length
        ? [
            {
              command: 'banyan run --role capture',
              why: 'started with a corrected mapping it tries them again',
            },
          ]
        : []),
    ],
  });
  return parked.length === 0 ? EXIT.done : EXIT.different;
};
