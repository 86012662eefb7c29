// `banyan events tail`: the log as it grows.
import { openEventLog } from '../../app/workspace.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';
import { eventDocument, eventLine } from '../event-line.ts';
import { parseWhole } from '../parse.ts';

export const run: CommandRun = async ({ options, output, signal, config }) => {
  const list = (value: string | boolean | undefined): readonly string[] | undefined =>
    typeof value === 'string' ? value.split(',').filter(Boolean) : undefined;
  const categories = list(options.category);
  const types = list(options.type);
  const limit =
    typeof options.limit === 'string'
      ? parseWhole('limit', options.limit, 1, Number.MAX_SAFE_INTEGER)
      : Infinity;
  await using log = await openEventLog(await config());
  const after =
    typeof options.after === 'string'
      ? parseWhole('after', options.after, 0, Number.MAX_SAFE_INTEGER)
      : (await log.head()).position;

  let shown = 0;
  const filter = { ...(categories && { categories }), ...(types && { types }) };
  for await (const batch of log.subscribe({ after, ...filter, signal })) {
    for (const event of batch.events) {
      output.row(eventDocument(event, options.data === true), () => eventLine(event, options.data === true));
      shown += 1;
      if (shown >= limit) return EXIT.done;
    }
  }
  return EXIT.done;
};
