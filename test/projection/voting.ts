// A count of votes, in which an event that is applied twice, or not at all, shows; with a log and a store of its own for a test.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { int, text } from '../../src/domain/column.ts';
import { table } from '../../src/domain/define-table.ts';
import type { Handler, Projection } from '../../src/domain/domain.ts';
import type { EventStore } from '../../src/event-store/event-store.ts';
import {
  createMemoryEventStore,
  type MemoryEventStore,
} from '../../src/event-store/memory/memory-event-store.ts';
import type { NewEvent } from '../../src/kernel/event.ts';
import { formatLsn, type Lsn } from '../../src/kernel/lsn.ts';
import { uuidv7 } from '../../src/kernel/uuid.ts';
import type { ReadStore, StoreSnapshot } from '../../src/projection/read-store.ts';
import {
  openSqliteReadStore,
  type SqliteReadStoreOptions,
} from '../../src/projection/sqlite/sqlite-read-store.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

export const SOURCE = 'town';

const count: Handler = ({ data }, { candidates }) =>
  candidates!.increment({ name: (data as { readonly name: string }).name }, { votes: 1 });

export const voting: Projection = {
  name: 'voting',
  version: 1,
  tables: {
    candidates: table({ key: ['name'], columns: { name: text(), votes: int().defaultsTo(0) } }),
  },
  on: { Voted: count },
};

export interface Polls extends AsyncDisposable {
  readonly folder: string;
  readonly log: MemoryEventStore;
  /** The log's store file, opened anew; closed with the rest. */
  open(options?: Partial<SqliteReadStoreOptions>): Promise<ReadStore>;
}

export function openPolls(): Polls {
  const folder = scratchFolder('projection');
  const log = createMemoryEventStore();
  const stores = new AsyncDisposableStack();
  return {
    folder,
    log,
    open: async (options) => {
      const path = join(folder, 'store.db');
      return stores.use(await openSqliteReadStore({ path, projection: voting, ...options }));
    },
    async [Symbol.asyncDispose]() {
      await stores.disposeAsync();
      await log[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

/** One vote per name, in one append; with `at`, as captured from the town's database at that place. */
export async function vote(
  log: EventStore,
  names: readonly unknown[],
  at?: Lsn,
  stream = 'poll-1',
): Promise<void> {
  const source = at === undefined ? {} : { source: { name: SOURCE, lsn: formatLsn(at), xid: '1' } };
  const events = names.map((name): NewEvent => {
    const meta = { origin: 'capture', ...source } as const;
    return {
      id: uuidv7(),
      type: 'Voted',
      time: '2026-11-24T08:00:00.000Z',
      schemaVersion: 1,
      data: { name },
      meta,
    };
  });
  const expected = await log.sourceProgress(SOURCE);
  await log.append(
    [{ stream, expected: 'any', events }],
    at === undefined ? {} : { source: { name: SOURCE, lsn: at, position: 0, expected } },
  );
}

/** Votes by candidate, as a reader of the store sees them now. */
export async function votesIn(store: ReadStore): Promise<Readonly<Record<string, unknown>>> {
  await using snapshot = await store.snapshot();
  return await votesAt(snapshot);
}

export async function votesAt({ read }: StoreSnapshot): Promise<Readonly<Record<string, unknown>>> {
  const rows = await read.all('SELECT name, votes FROM candidates ORDER BY name');
  return Object.fromEntries(rows.map(({ name, votes }) => [name, votes]));
}
