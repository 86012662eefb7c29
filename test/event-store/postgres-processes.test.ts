// One log in PostgreSQL under several processes, and an append whose process dies while it is under way.
import { processesShareALog } from './log-processes.ts';
import { scratchPostgresServer } from './scratch-postgres-log.ts';

const postgres = await scratchPostgresServer();

processesShareALog('postgres', {
  make() {
    const log = postgres.newLog();
    return { ...log, target: `${log.url}#${log.schema}` };
  },
  opened: { logs: 12, everyMs: 80 },
  isDense: false,
  kills: 12,
});
