// A real PostgreSQL with capture alone at work on it, for tests: tables of their own, and the raw transactions as the change log has them.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { runCapture } from '../../src/capture/capture.ts';
import { type Relation, type SourceTransaction, sourceStream } from '../../src/capture/change.ts';
import { fence } from '../../src/capture/postgres/fence.ts';
import { openSource } from '../../src/capture/postgres/open-source.ts';
import { postgresChangeSource } from '../../src/capture/postgres/postgres-change-source.ts';
import { addTables } from '../../src/capture/postgres/publication.ts';
import type { EventStore } from '../../src/event-store/event-store.ts';
import { createMemoryEventStore } from '../../src/event-store/memory/memory-event-store.ts';
import { type Lsn, parseLsn } from '../../src/kernel/lsn.ts';
import { connectPostgres, type PostgresClient, queryText, type TextRow } from '../../src/postgres/connect.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts';
import { scratchFolder } from './scratch-folder.ts';

export interface RunningCapture {
  /** What the capture told of itself: `streaming`, `reconnecting`. */
  readonly states: readonly string[];
  /** Resolves with the failure that ended it. */
  failure(): Promise<unknown>;
  /** Rejects with the failure, if there was one. */
  stop(): Promise<void>;
}

export interface CapturedSource extends AsyncDisposable {
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
  query(sql: string, values?: readonly unknown[]): Promise<readonly TextRow[]>;
  /** Puts tables of the schema `public` into the publication, and waits for what was running. */
  publish(...tables: readonly string[]): Promise<void>;
  start(changeLog?: EventStore): RunningCapture;
  /** Ends whatever capture a failed test left running. */
  stop(): Promise<void>;
  /** Resolves when everything that is committed now is in the change log. */
  caughtUp(): Promise<void>;
  /** The transactions that are captured while `work` is done, and up to its end. */
  capturedBy(work: () => Promise<unknown>): Promise<readonly SourceTransaction[]>;
  transactions(after?: number): Promise<readonly SourceTransaction[]>;
  /** The shape that a change's rows have. */
  relation(id: string): Promise<Relation>;
}

export async function startCapturedSource(
  name: string,
  options: { readonly settings?: Readonly<Record<string, string>>; readonly isDurable?: boolean } = {},
): Promise<CapturedSource> {
  const folder = scratchFolder(name);
  const postgres = await startEmbeddedPostgres({
    dataDir: join(folder, 'postgres'),
    ephemeral: !options.isDurable,
    settings: { wal_writer_delay: '10ms', ...options.settings },
  });
  const db = await connectPostgres(postgres.url(), { applicationName: 'test' });
  const target = { url: postgres.url(), slot: 'captured', publication: 'captured', name: 'captured' };
  const changeLog = createMemoryEventStore();
  await openSource({ ...target, changeLog });
  const running = new Set<RunningCapture>();

  const stop = async (): Promise<void> => {
    await Promise.allSettled([...running].map((one) => one.stop()));
  };
  const transactions = async (after = 0): Promise<SourceTransaction[]> => {
    const found: SourceTransaction[] = [];
    for await (const { events } of changeLog.readLog({ after, types: ['TransactionCaptured'] }))
      found.push(...events.map(({ data }) => data as SourceTransaction));
    return found;
  };
  const caughtUp = async (): Promise<void> => {
    // A commit: what no commit follows may stay unwritten for seconds.
    await queryText(db, 'SELECT pg_current_xact_id()');
    const [row] = await queryText(db, 'SELECT pg_current_wal_insert_lsn() AS lsn');
    await reached(changeLog, target.name, parseLsn(row!.lsn!));
  };
  return {
    folder,
    postgres,
    target,
    db,
    changeLog,
    query: (sql, values) => queryText(db, sql, values),
    async publish(...tables) {
      await addTables(
        db,
        target.publication,
        tables.map((table) => ({ schema: 'public', table })),
      );
      await fence(db, { timeoutMs: 10_000, signal: new AbortController().signal });
    },
    start(log = changeLog) {
      const abort = new AbortController();
      const states: string[] = [];
      const work = runCapture({
        ...{ source: postgresChangeSource(target), changeLog: log, signal: abort.signal, log: silentLog },
        onState: (state) => {
          if (states.at(-1) !== state) states.push(state);
        },
      });
      let failure: unknown;
      work.catch((error: unknown) => {
        failure = error;
      });
      const one: RunningCapture = {
        states,
        async failure() {
          const found = await waitUntil(() => failure, { timeoutMs: 20_000, everyMs: 5 });
          if (!found) throw new Error('Capture goes on');
          return found;
        },
        async stop() {
          running.delete(one);
          abort.abort();
          await work;
        },
      };
      running.add(one);
      return one;
    },
    stop,
    caughtUp,
    async capturedBy(work) {
      const { position } = await changeLog.head();
      await work();
      await caughtUp();
      return transactions(position);
    },
    transactions,
    async relation(id) {
      const announced = (await transactions()).flatMap(({ relations }) => relations);
      return announced.findLast((relation) => relation.id === id)!;
    },
    async [Symbol.asyncDispose]() {
      await stop();
      await db.end();
      await changeLog[Symbol.asyncDispose]();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until a source's stored progress is there. */
export async function reached(log: EventStore, source: string, lsn: Lsn): Promise<void> {
  const isThere = async (): Promise<boolean> => ((await log.sourceProgress(source))?.lsn ?? 0n) >= lsn;
  if (!(await waitUntil(isThere, { timeoutMs: 30_000, everyMs: 5 })))
    throw new Error(`The change log of ${sourceStream(source)} never reached what was written`);
}
