// A log file of its own for each test, gone with it.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { EventStore } from '../../src/event-store/event-store.ts';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.ts';
import type { LogUnderTest } from '../../src/testing/contract/event-store.ts';

const DATA = resolve(import.meta.dirname, '../../.data/test');

export interface ScratchLog extends LogUnderTest {
  readonly folder: string;
  readonly path: string;
}

export function scratchLog(): ScratchLog {
  mkdirSync(DATA, { recursive: true });
  const folder = mkdtempSync(join(DATA, 'event-store-'));
  const path = join(folder, 'log.db');
  return {
    folder,
    path,
    open: (): Promise<EventStore> => openSqliteEventStore({ path }),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true }),
  };
}
