// The reference engine against the contract.
import { createMemoryEventStore } from '../../src/event-store/memory/memory-event-store.ts';
import { eventStoreContract } from '../../src/testing/contract/event-store.ts';

eventStoreContract(
  'memory',
  async () => ({
    open: async () => createMemoryEventStore(),
    [Symbol.asyncDispose]: async () => undefined,
  }),
  { persistent: false, multiProcess: false },
);
