// Backfill of one table beside `COPY TO STDOUT` of it, read by the pg driver and thrown away. Ours is told twice: the
// reading alone, range by range in key order, each with the snapshot that it was read in; and all of it, until every row is
// a domain event, durable twice on the way (change log, event log), with capture and translation in the same process.
import { claps } from '../examples/medium/domains/claps.ts';
import { runBackfill } from '../src/backfill/backfill.ts';
import { postgresRowSource } from '../src/backfill/postgres/postgres-row-source.ts';
import type { RowSource } from '../src/backfill/row-source.ts';
import { runCapture } from '../src/capture/capture.ts';
import { type TableOpened, tableStream } from '../src/capture/change.ts';
import { openSource } from '../src/capture/postgres/open-source.ts';
import { postgresChangeSource } from '../src/capture/postgres/postgres-change-source.ts';
import { addTables } from '../src/capture/postgres/publication.ts';
import { dropSlot } from '../src/capture/postgres/slot.ts';
import type { EventStore } from '../src/event-store/event-store.ts';
import { openSqliteEventStore } from '../src/event-store/sqlite/sqlite-event-store.ts';
import { uuidv7 } from '../src/kernel/uuid.ts';
import { silentLog } from '../src/runtime/log.ts';
import { openSqliteTranslationState } from '../src/translation/sqlite/sqlite-translation-state.ts';
import { runTranslation } from '../src/translation/translation.ts';
import type { Bench } from './support/bench.ts';
import { figure, inTurn } from './support/figure.ts';
import { type ScratchPostgres, startPostgres } from './support/scratch-postgres.ts';

const ROWS = 100_000;
const ROUNDS = 3;
const RANGES_IN_FLIGHT = 3;
const CHUNK_BYTES = 1_048_576;
const { source } = claps.capture;
const TABLE = source.tables.claps!;

export async function run(bench: Bench): Promise<void> {
  const { report, held } = bench;
  const postgres = await startPostgres(bench);
  await postgres.db.query(
    `CREATE TABLE claps (post_id bigint, member_id bigint, count smallint NOT NULL, PRIMARY KEY (post_id, member_id));
     INSERT INTO claps SELECT at / 20, at % 20, 1 + at % 50 FROM generate_series(1, ${ROWS}) at`,
  );
  await postgres.db.query('VACUUM ANALYZE claps');
  const rows = held.use(postgresRowSource({ url: postgres.url, size: RANGES_IN_FLIGHT + 1 }));
  const rates = await inTurn(ROUNDS, {
    read: () => rate(() => readRanges(rows)),
    whole: () => backfill(bench, postgres, rows),
    copy: () => rate(async () => (await postgres.db.query('COPY claps TO STDOUT')).rowCount ?? 0),
  });
  const subject = { unit: 'rows/s', peer: 'COPY TO STDOUT by the pg driver, rows thrown away' };
  report(figure({ ...subject, name: 'backfill, the rows read' }, rates.read, rates.copy));
  report(figure({ ...subject, name: 'backfill, every row an event in the log' }, rates.whole, rates.copy));
}

async function rate(work: () => Promise<number>): Promise<number> {
  const start = performance.now();
  const rows = await work();
  if (rows !== ROWS) throw new Error(`${rows} rows came, not ${ROWS}`);
  return (rows / (performance.now() - start)) * 1_000;
}

async function readRanges(rows: RowSource): Promise<number> {
  const { uppers } = await rows.plan(TABLE, CHUNK_BYTES);
  let read = 0;
  let next = 0;
  const reader = async (): Promise<void> => {
    while (next < uppers.length) {
      const at = next++;
      const chunk = await rows.read(TABLE, uppers[at - 1], uppers[at]!);
      read += chunk.rows.length;
    }
  };
  await Promise.all(Array.from({ length: RANGES_IN_FLIGHT }, reader));
  return read;
}

/** Into logs of its own, through a slot of its own; only the backfill is timed. */
async function backfill({ newPath }: Bench, { url, db }: ScratchPostgres, rows: RowSource): Promise<number> {
  const target = { url, slot: 'bench', publication: 'bench', name: source.name };
  await using changeLog = await openSqliteEventStore({ path: newPath('changes.db') });
  await using eventLog = await openSqliteEventStore({ path: newPath('log.db') });
  using state = openSqliteTranslationState(newPath('translation.db'));
  await openSource({ ...target, changeLog });
  await openTable(changeLog);
  await addTables(db, target.publication, [{ schema: 'public', table: 'claps' }]);

  const stop = new AbortController();
  const { signal } = stop;
  const running = Promise.all([
    runCapture({ source: postgresChangeSource(target), changeLog, signal, log: silentLog }),
    runTranslation({
      ...{ changeLog, eventLog, domains: [claps], source: source.name, state, signal },
      log: silentLog,
    }),
  ]);
  try {
    const copying = rate(() =>
      runBackfill({ rows, changeLog, eventLog, source: source.name, name: 'claps', table: TABLE, signal }),
    );
    return await Promise.race([copying, running.then(() => copying)]);
  } finally {
    stop.abort();
    await running;
    await dropSlot(db, target.slot);
  }
}

async function openTable(changeLog: EventStore): Promise<void> {
  const data: TableOpened = { table: 'claps', generation: 1 };
  const event = {
    ...{ id: uuidv7(), type: 'TableOpened', time: new Date().toISOString(), schemaVersion: 1, data },
    meta: { origin: 'backfill' },
  } as const;
  await changeLog.append([{ stream: tableStream(source.name, 'claps'), expected: 'any', events: [event] }]);
}
