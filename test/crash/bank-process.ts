// One part of the captured bank as a process that a failpoint may kill: `node bank-process.ts <work> <folder> <url>`.
import { join } from 'node:path';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.ts';
import { Projector } from '../../src/projection/projector.ts';
import { openSqliteReadStore } from '../../src/projection/sqlite/sqlite-read-store.ts';
import {
  backfillAccounts,
  bankDomain,
  bankTarget,
  captureAndTranslate,
} from '../support/captured-database.ts';

const [work, folder, url] = process.argv.slice(2) as [string, string, string];
const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());
const { signal } = stopping;

await using changeLog = await openSqliteEventStore({ path: join(folder, 'changes.db') });
await using eventLog = await openSqliteEventStore({ path: join(folder, 'log.db') });
const domain = bankDomain();
const logs = { folder, target: bankTarget(url), domain, changeLog, eventLog };

if (work === 'capture') await captureAndTranslate({ ...logs, signal });
if (work === 'backfill') await backfillAccounts(logs, { limits: { chunkBytes: 8_192 }, signal });
if (work === 'projection') {
  const { projection } = domain;
  await using store = await openSqliteReadStore({ path: join(folder, 'store.db'), projection });
  await new Projector({ projection, store, eventLog, batchSize: 50 }).run(signal);
}
