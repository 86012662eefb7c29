// A real PostgreSQL with capture and translation at work on it, for tests: one table of accounts, events that tell all of
// each row, and the fold of the event log to hold against the table.
import { mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type BackfillOptions, runBackfill } from '../../src/backfill/backfill.ts';
import { postgresRowSource } from '../../src/backfill/postgres/postgres-row-source.ts';
import { runCapture } from '../../src/capture/capture.ts';
import { type TableOpened, tableStream } from '../../src/capture/change.ts';
import { fence } from '../../src/capture/postgres/fence.ts';
import { openSource } from '../../src/capture/postgres/open-source.ts';
import { postgresChangeSource } from '../../src/capture/postgres/postgres-change-source.ts';
import { addTables } from '../../src/capture/postgres/publication.ts';
import type { Domain, TableMapping } from '../../src/domain/domain.ts';
import type { EventStore } from '../../src/event-store/event-store.ts';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.ts';
import type { RecordedEvent } from '../../src/kernel/event.ts';
import { parseLsn } from '../../src/kernel/lsn.ts';
import { uuidv7 } from '../../src/kernel/uuid.ts';
import { connectPostgres, type PostgresClient, queryText } from '../../src/postgres/connect.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts';
import { openSqliteTranslationState } from '../../src/translation/sqlite/sqlite-translation-state.ts';
import { runTranslation } from '../../src/translation/translation.ts';

export const SOURCE = 'bank';
export const ACCOUNT_COLUMNS = ['id', 'owner', 'balance', 'note'] as const;

const anything: StandardSchemaV1 = {
  '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) },
};

export const tellEverything: TableMapping = {
  stream: (row) => `account-${String(row.id)}`,
  insert: (emit, row) => emit.AccountOpened!(row as never),
  update: (emit, row) => emit.AccountChanged!(row as never),
  delete: (emit, before) => emit.AccountClosed!(before as never),
  backfill: (emit, row) => emit.AccountOpened!(row as never),
};

export function bankDomain(mapping: TableMapping = tellEverything): Domain {
  const text = { kind: 'text', isNullable: true } as const;
  const type = { schema: anything, version: 1 };
  return {
    name: 'accounts',
    events: { AccountOpened: type, AccountChanged: type, AccountClosed: type },
    capture: {
      source: {
        name: SOURCE,
        tables: {
          accounts: {
            schema: 'public',
            table: 'accounts',
            key: ['id'],
            columns: {
              id: { kind: 'bigint', isNullable: false },
              owner: text,
              balance: { kind: 'int', isNullable: false },
              note: text,
            },
          },
        },
      },
      tables: { accounts: mapping },
    },
    listensTo: [],
    projection: { name: 'accounts', version: 1, tables: {}, on: {} },
    queries: {},
    commands: [],
  };
}

export interface CapturedDatabase extends AsyncDisposable {
  readonly folder: string;
  readonly postgres: EmbeddedPostgres;
  readonly target: {
    readonly url: string;
    readonly slot: string;
    readonly publication: string;
    readonly name: string;
  };
  readonly db: PostgresClient;
  readonly changeLog: EventStore;
  readonly eventLog: EventStore;
  readonly domain: Domain;
  query(
    sql: string,
    values?: readonly unknown[],
  ): Promise<readonly Readonly<Record<string, string | null>>[]>;
  /** Opens the source and the table: TableOpened, publication, fence. */
  openTable(generation: number): Promise<void>;
  /** Runs capture and translation in this process until they are stopped; a failure of either is `failed`'s. */
  start(): { readonly failed: Promise<never>; stop(): Promise<void> };
  backfill(options?: Partial<BackfillOptions>): Promise<number>;
  /** Resolves when everything that is committed now is in the event log. */
  caughtUp(): Promise<void>;
}

export async function startCapturedDatabase(
  name: string,
  options: {
    readonly settings?: Record<string, string>;
    readonly domain?: Domain;
    readonly setup?: string;
  } = {},
): Promise<CapturedDatabase> {
  const folder = resolve(import.meta.dirname, '../../.data/test', name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const postgres = await startEmbeddedPostgres({
    dataDir: join(folder, 'postgres'),
    ephemeral: true,
    ...(options.settings ? { settings: options.settings } : {}),
  });
  const db = await connectPostgres(postgres.url(), { applicationName: 'test' });
  await db.query(
    options.setup ??
      'CREATE TABLE accounts (id bigint PRIMARY KEY, owner text, balance int NOT NULL, note text)',
  );
  const target = { url: postgres.url(), slot: 'bank', publication: 'bank', name: SOURCE };
  const changeLog = await openSqliteEventStore({ path: join(folder, 'changes.db') });
  const eventLog = await openSqliteEventStore({ path: join(folder, 'log.db') });
  const domain = options.domain ?? bankDomain();
  const running = new Set<{ stop(): Promise<void> }>();

  return {
    folder,
    postgres,
    target,
    db,
    changeLog,
    eventLog,
    domain,
    query: (sql, values) => queryText(db, sql, values),
    async openTable(generation) {
      await openSource({ ...target, changeLog });
      const opened: TableOpened = { table: 'accounts', generation };
      const event = {
        id: uuidv7(),
        type: 'TableOpened',
        time: new Date().toISOString(),
        schemaVersion: 1,
        data: opened,
        meta: { origin: 'backfill' },
      } as const;
      await changeLog.append([{ stream: tableStream(SOURCE, 'accounts'), expected: 'any', events: [event] }]);
      await addTables(db, target.publication, [{ schema: 'public', table: 'accounts' }]);
      await fence(db, { timeoutMs: 10_000, signal: new AbortController().signal });
    },
    start() {
      const abort = new AbortController();
      const state = openSqliteTranslationState(join(folder, 'translation.db'));
      const { signal } = abort;
      const work = [
        runCapture({ source: postgresChangeSource(target), changeLog, signal, log: silentLog }),
        runTranslation({
          changeLog,
          eventLog,
          domains: [domain],
          source: SOURCE,
          state,
          signal,
          log: silentLog,
        }),
      ];
      const ended = Promise.all(work).finally(() => state[Symbol.dispose]());
      const failed = ended.then((): never => new Promise<never>(() => undefined) as never);
      failed.catch(() => undefined);
      const handle = {
        failed,
        async stop() {
          running.delete(handle);
          abort.abort();
          await ended;
        },
      };
      running.add(handle);
      return handle;
    },
    async backfill(overrides = {}) {
      await using rows = postgresRowSource({ url: postgres.url(), size: 4 });
      return await runBackfill({
        rows,
        changeLog,
        eventLog,
        source: SOURCE,
        name: 'accounts',
        table: domain.capture.source.tables.accounts!,
        signal: new AbortController().signal,
        ...overrides,
      });
    },
    async caughtUp() {
      const [row] = await queryText(db, 'SELECT pg_current_wal_insert_lsn() AS lsn');
      const wanted = parseLsn(row!.lsn!);
      const isThere = await waitUntil(
        async () => ((await eventLog.sourceProgress(SOURCE))?.lsn ?? 0n) >= wanted,
        {
          timeoutMs: 60_000,
          everyMs: 5,
        },
      );
      if (!isThere) throw new Error(`The event log never reached ${row!.lsn}`);
    },
    async [Symbol.asyncDispose]() {
      await Promise.allSettled([...running].map((handle) => handle.stop()));
      await db.end();
      await changeLog[Symbol.asyncDispose]();
      await eventLog[Symbol.asyncDispose]();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The event log folded to rows, with everything that is wrong about any stream's order on the way. */
export async function foldAccounts(
  eventLog: EventStore,
): Promise<{ rows: Map<string, unknown>; faults: string[]; events: RecordedEvent[] }> {
  const rows = new Map<string, unknown>();
  const faults: string[] = [];
  const events: RecordedEvent[] = [];
  const ids = new Set<string>();
  const versions = new Map<string, number>();
  for await (const batch of eventLog.readLog({ after: 0, categories: ['account'] })) {
    for (const event of batch.events) {
      events.push(event);
      if (ids.has(event.id)) faults.push(`${event.stream}: event ${event.id} is there twice`);
      ids.add(event.id);
      if (event.version !== (versions.get(event.stream) ?? 0) + 1)
        faults.push(`${event.stream}: version ${event.version} out of order`);
      versions.set(event.stream, event.version);
      const isOpen = rows.has(event.stream);
      if (event.type === 'AccountOpened' && isOpen) faults.push(`${event.stream}: opened twice`);
      if (event.type !== 'AccountOpened' && !isOpen)
        faults.push(`${event.stream}: ${event.type} before it was opened`);
      if (event.type === 'AccountClosed') rows.delete(event.stream);
      else rows.set(event.stream, event.data);
    }
  }
  return { rows, faults, events };
}

/** The table as the fold should be. */
export async function readAccounts(database: CapturedDatabase): Promise<Map<string, unknown>> {
  const rows = await database.query('SELECT id, owner, balance, note FROM accounts ORDER BY id');
  return new Map(rows.map((row) => [`account-${row.id}`, { ...row, balance: Number(row.balance) }]));
}
