// `banyan events stream <stream>`: the whole life of one entity.
import { openEventLog } from '../../app/workspace.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';
import { eventDocument, eventLine } from '../event-line.ts';

export const run: CommandRun = async ({ arguments: { stream }, options, output, signal, config }) => {
  await using log = await openEventLog(await config());
  let count = 0;
  for await (const events of log.readStream(stream!, { signal })) {
    for (const event of events) {
      output.row(eventDocument(event, options.data === true), () => eventLine(event, options.data === true));
    }
    count += events.length;
  }
  if (count === 0) output.note(`The stream ${stream} is empty.`);
  return EXIT.done;
};
