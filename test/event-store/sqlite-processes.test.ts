// One log file under several processes.
import { processesShareALog } from './log-processes.ts';
import { scratchLog } from './scratch-log.ts';

processesShareALog('sqlite', {
  make() {
    const log = scratchLog();
    return { ...log, target: log.path };
  },
  opened: { logs: 60, everyMs: 12 },
  isDense: true,
  kills: 12,
});
