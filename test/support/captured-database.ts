// A real PostgreSQL with capture and translation at work on it, for tests: one table of accounts, events that tell all of
// each row, and the fold of the event log to hold against the table.
import assert from 'node:assert/strict';
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
import type { Domain, Handler, Projection, TableMapping } from '../../src/domain/domain.ts';
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

const required = { isNullable: false, default: undefined } as const;
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

const put: Handler = ({ data }, { accounts, tally }) => {
  const { id, balance } = data as { readonly id: string; readonly balance: number };
  accounts!.upsert({ id, balance });
  tally!.increment({ only: 1 }, { events: 1 });
};

/** The accounts as they are, and how many events it took: one that is applied twice shows. */
export const bankProjection: Projection = {
  name: 'accounts',
  version: 1,
  tables: {
    accounts: {
      key: ['id'],
      columns: { id: { kind: 'text', ...required }, balance: { kind: 'int', ...required } },
      indexes: [],
    },
    tally: {
      key: ['only'],
      columns: { only: { kind: 'int', ...required }, events: { kind: 'int', isNullable: false, default: 0 } },
      indexes: [],
    },
  },
  on: {
    AccountOpened: put,
    AccountChanged: put,
    AccountClosed: ({ data }, { accounts, tally }) => {
      accounts!.delete({ id: (data as { readonly id: string }).id });
      tally!.increment({ only: 1 }, { events: 1 });
    },
  },
};

export function bankDomain(mapping: TableMapping = tellEverything): Domain {
  const text = { kind: 'text', isNullable: true } as const;
  const type = { schema: anything, version: 1, upcasts: [] };
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
    projection: bankProjection,
    queries: {},
    commands: [],
  };
}

export interface BankTarget {
  readonly url: string;
  readonly slot: string;
  readonly publication: string;
  readonly name: string;
}

export const bankTarget = (url: string): BankTarget => ({
  url,
  slot: 'bank',
  publication: 'bank',
  name: SOURCE,
});

export interface BankLogs {
  readonly folder: string;
  readonly target: BankTarget;
  readonly domain: Domain;
  readonly changeLog: EventStore;
  readonly eventLog: EventStore;
}

/** Both until `signal` aborts; rejects when either fails, once both have ended. */
export async function captureAndTranslate({
  folder,
  target,
  domain,
  changeLog,
  eventLog,
  signal,
}: BankLogs & { readonly signal: AbortSignal }): Promise<void> {
  const failing = new AbortController();
  const either = AbortSignal.any([signal, failing.signal]);
  using state = openSqliteTranslationState(join(folder, 'translation.db'));
  const log = silentLog;
  const parts = [
    runCapture({ source: postgresChangeSource(target), changeLog, signal: either, log }),
    runTranslation({ changeLog, eventLog, domains: [domain], source: SOURCE, state, signal: either, log }),
  ];
  for (const part of parts) part.catch(() => failing.abort());
  await Promise.allSettled(parts);
  await Promise.all(parts);
}

/** Copies the accounts, in this process or another. */
export async function backfillAccounts(
  { target, domain, changeLog, eventLog }: BankLogs,
  overrides: Partial<BackfillOptions> = {},
): Promise<number> {
  await using rows = postgresRowSource({ url: target.url, size: 4 });
  return await runBackfill({
    ...{ rows, changeLog, eventLog, source: SOURCE, name: 'accounts' },
    table: domain.capture.source.tables.accounts!,
    signal: new AbortController().signal,
    ...overrides,
  });
}

export interface CapturedDatabase extends AsyncDisposable {
  readonly folder: string;
  readonly postgres: EmbeddedPostgres;
  readonly target: BankTarget;
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
  /** Runs capture and translation in this process; stopping rejects with the failure of either. */
  start(): { stop(): Promise<void> };
  /** Stops what a failed test left running. */
  stop(): Promise<void>;
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
    settings: { wal_writer_delay: '10ms', ...options.settings },
  });
  const db = await connectPostgres(postgres.url(), { applicationName: 'test' });
  await db.query(
    options.setup ??
      'CREATE TABLE accounts (id bigint PRIMARY KEY, owner text, balance int NOT NULL, note text)',
  );
  const target = bankTarget(postgres.url());
  const changeLog = await openSqliteEventStore({ path: join(folder, 'changes.db') });
  const eventLog = await openSqliteEventStore({ path: join(folder, 'log.db') });
  const domain = options.domain ?? bankDomain();
  const running = new Set<() => Promise<void>>();

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
      const work = captureAndTranslate({
        ...{ folder, target, domain, changeLog, eventLog },
        signal: abort.signal,
      });
      work.catch(() => undefined);
      const stop = async (): Promise<void> => {
        running.delete(stop);
        abort.abort();
        await work;
      };
      running.add(stop);
      return { stop };
    },
    async stop() {
      await Promise.allSettled([...running].map((stop) => stop()));
    },
    backfill: (overrides) => backfillAccounts({ folder, target, domain, changeLog, eventLog }, overrides),
    async caughtUp() {
      // A commit: what no commit follows, such as a page that a reader tidied up, may stay unwritten for seconds.
      await queryText(db, 'SELECT pg_current_xact_id()');
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
      await Promise.allSettled([...running].map((stop) => stop()));
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

/** Everything that is committed now is in the log, each stream in order, and the fold of the log is the table. */
export async function assertFoldEqualsTable(database: CapturedDatabase): Promise<void> {
  await database.caughtUp();
  const { rows, faults } = await foldAccounts(database.eventLog);
  assert.deepEqual(faults, []);
  const table = await readAccounts(database);
  assert.deepEqual(new Map([...rows].sort()), new Map([...table].sort()));
}
