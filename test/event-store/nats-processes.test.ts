// One log in NATS under several processes, some of which die with a batch half sent.
import { processesShareALog } from './log-processes.ts';
import { natsLane } from './scratch-nats-log.ts';

natsLane('processes on one NATS server', (nats) => {
  processesShareALog('nats', {
    make() {
      const { address, monitor } = nats.server;
      const log = nats.newLog();
      const target = `nats://${address}?monitor=${encodeURIComponent(monitor)}#${log.name}`;
      return { ...log, target };
    },
    opened: { logs: 5, everyMs: 80 },
    isDense: false,
    kills: 5,
  });
});
