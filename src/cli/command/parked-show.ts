// `banyan parked show <domain> <stream>`: why it stands still, and the events from there on.
import { openOperator } from '../../app/open-operator.ts';
import { openEventLog } from '../../app/workspace.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';
import { eventDocument, eventLine } from '../event-line.ts';

const SHOWN_MAX = 100;

export const run: CommandRun = async ({ arguments: { domain, stream }, options, output, signal, config }) => {
  const loaded = await config();
  await using operator = await openOperator(loaded);
  const parked = await operator.parkedStream(domain!, stream!);
  output.note(`${stream} stands at version ${parked.version}, ${parked.type}: ${parked.error}`);
  await using log = await openEventLog(loaded);
  let shown = 0;
  for await (const events of log.readStream(stream!, { afterVersion: parked.version - 1, signal })) {
    for (const event of events.slice(0, SHOWN_MAX - shown)) {
      output.row(eventDocument(event, options.data === true), () => eventLine(event, options.data === true));
    }
    shown += events.length;
    if (shown >= SHOWN_MAX) break;
  }
  return EXIT.done;
};
