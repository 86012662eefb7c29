// The embedded engine against the contract.
import { eventStoreContract } from '../../src/testing/contract/event-store.ts';
import { scratchLog } from './scratch-log.ts';

eventStoreContract('sqlite', async () => scratchLog(), { persistent: true, multiProcess: true });
