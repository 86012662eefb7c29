// The NATS engine against the contract, on a server of its own.
import { eventStoreContract } from '../../src/testing/contract/event-store.ts';
import { natsLane } from './scratch-nats-log.ts';

natsLane('the log on one NATS server', (nats) => {
  eventStoreContract('nats', async () => nats.newLog(), { persistent: true, multiProcess: true });
});
