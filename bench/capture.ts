// Capture beside PostgreSQL's own reader of the same slot's content: `pg_recvlogical` writes the messages to a file and
// syncs it now and then; we decode them and append whole transactions, durably, to the change log.
import { once } from 'node:events';
import { runCapture } from '../src/capture/capture.ts';
import { openSource } from '../src/capture/postgres/open-source.ts';
import { postgresChangeSource } from '../src/capture/postgres/postgres-change-source.ts';
import { addTables, createPublication } from '../src/capture/postgres/publication.ts';
import { createSlot, dropSlot } from '../src/capture/postgres/slot.ts';
import { openSqliteEventStore } from '../src/event-store/sqlite/sqlite-event-store.ts';
import { type PostgresClient, queryText } from '../src/postgres/connect.ts';
import { silentLog } from '../src/runtime/log.ts';
import type { Bench } from './support/bench.ts';
import { besidePeer, type Figure } from './support/figure.ts';
import { findPgRecvlogical, type SlotReader, startPgRecvlogical } from './support/pg-recvlogical.ts';
import { type ScratchPostgres, startPostgres } from './support/scratch-postgres.ts';

const PUBLICATION = 'bench';
const SHAPES = [
  { rowsEach: 1, transactions: 60_000 },
  { rowsEach: 10, transactions: 20_000 },
  { rowsEach: 100_000, transactions: 1 },
];

interface CaptureBench extends Bench, ScratchPostgres {
  readonly pgRecvlogical: string | undefined;
}

/** What the slot holds: so many rows, and where they end. */
interface Content {
  readonly rows: number;
  readonly endLsn: string;
}

export async function run(bench: Bench): Promise<void> {
  const pgRecvlogical = findPgRecvlogical();
  const { url, db } = await startPostgres(bench);
  await db.query(
    `CREATE TABLE claps (post_id bigint, member_id bigint, count smallint NOT NULL,
       updated_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (post_id, member_id))`,
  );
  await createPublication(db, PUBLICATION);
  await addTables(db, PUBLICATION, [{ schema: 'public', table: 'claps' }]);
  for (const shape of SHAPES) bench.report(await captureFigure({ ...bench, url, db, pgRecvlogical }, shape));
}

async function captureFigure(bench: CaptureBench, shape: (typeof SHAPES)[number]): Promise<Figure> {
  const { db, pgRecvlogical } = bench;
  await createSlot(db, 'content');
  const content = await write(db, shape);
  const subject = {
    name: `capture, ${shape.rowsEach} ${shape.rowsEach === 1 ? 'row' : 'rows'} a transaction`,
    unit: 'rows/s',
    peer: 'pg_recvlogical into a file',
    rounds: 3,
  };
  const figure = await besidePeer(
    subject,
    () => rate(bench, content, (reader) => capture(bench, reader, content)),
    pgRecvlogical === undefined
      ? undefined
      : () => rate(bench, content, (reader) => receive(pgRecvlogical, bench, reader, content)),
  );
  await dropSlot(db, 'content');
  await db.query('TRUNCATE claps');
  return figure;
}

async function write(
  db: PostgresClient,
  { rowsEach, transactions }: (typeof SHAPES)[number],
): Promise<Content> {
  await db.query(`DO $$ BEGIN FOR at IN 1..${transactions} LOOP
    INSERT INTO claps (post_id, member_id, count) SELECT at, member, 1 + member % 50 FROM generate_series(1, ${rowsEach}) member;
    COMMIT; END LOOP; END $$`);
  // A transaction of its own behind them: both readers then end at something that is sent, not at the next keepalive.
  const [end] = await queryText(db, `SELECT pg_logical_emit_message(true, 'bench', 'end') AS lsn`);
  return { rows: rowsEach * transactions, endLsn: end!.lsn! };
}

/** Each reader gets a copy of the slot, so that all read the same from the same place. */
async function rate(
  { db, url }: CaptureBench,
  { rows }: Content,
  take: (reader: SlotReader) => Promise<void>,
): Promise<number> {
  await queryText(db, `SELECT pg_copy_logical_replication_slot('content', 'copy')`);
  const start = performance.now();
  await take({ url, slot: 'copy', publication: PUBLICATION });
  const seconds = (performance.now() - start) / 1_000;
  await dropSlot(db, 'copy');
  return rows / seconds;
}

async function capture({ newPath }: Bench, reader: SlotReader, { rows }: Content): Promise<void> {
  await using changeLog = await openSqliteEventStore({ path: newPath('changes.db') });
  await openSource({ ...reader, name: 'bench', changeLog });
  await using source = postgresChangeSource({ ...reader, name: 'bench' });
  const done = new AbortController();
  let seen = 0;
  await runCapture({
    source,
    changeLog,
    signal: done.signal,
    log: silentLog,
    onProgress: ({ changes }) => {
      seen += changes;
      if (seen >= rows) done.abort();
    },
  });
  if (seen !== rows) throw new Error(`Captured ${seen} rows, not ${rows}`);
}

async function receive(
  program: string,
  { newPath, held }: Bench,
  reader: SlotReader,
  { endLsn }: Content,
): Promise<void> {
  const child = startPgRecvlogical(program, reader, { file: newPath('received'), endLsn });
  held.defer(() => void child.kill());
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`pg_recvlogical ended with ${code}`);
}
