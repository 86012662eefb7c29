// The PostgreSQL engine against the contract, on the embedded server.
import { eventStoreContract } from '../../src/testing/contract/event-store.ts';
import { scratchPostgresServer } from './scratch-postgres-log.ts';

const postgres = await scratchPostgresServer();

eventStoreContract('postgres', async () => postgres.newLog(), { persistent: true, multiProcess: true });
