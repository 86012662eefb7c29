// The NATS engine against the contract, on a server of its own.
import { eventStoreContract } from '../../src/testing/contract/event-store.ts';
import { natsLane, scratchNats } from './scratch-nats-log.ts';

await natsLane('event store contract: nats', async () => {
  const nats = await scratchNats();
  eventStoreContract('nats', async () => nats.newLog(), { persistent: true, multiProcess: true });
});
