// The PostgreSQL engine against the contract on the oldest server that it supports, from the system's own package.
import { accessSync } from 'node:fs';
import { test } from 'node:test';
import { eventStoreContract } from '../../src/testing/contract/event-store.ts';
import { scratchPostgresServer } from './scratch-postgres-log.ts';

const BIN_FOLDER = process.env.POSTGRES_15_BIN ?? '/usr/lib/postgresql/15/bin';
const MISSING = `PostgreSQL 15 is not in ${BIN_FOLDER}: apt-get install postgresql-15, or set POSTGRES_15_BIN`;

function isInstalled(): boolean {
  try {
    accessSync(`${BIN_FOLDER}/initdb`);
    return true;
  } catch {
    return false;
  }
}

if (isInstalled()) {
  const postgres = await scratchPostgresServer({ binFolder: BIN_FOLDER });
  eventStoreContract('postgres 15', async () => postgres.newLog(), { persistent: true, multiProcess: true });
} else {
  test('event store contract: postgres 15', { skip: process.env.CI === 'true' ? false : MISSING }, () => {
    throw new Error(MISSING);
  });
}
