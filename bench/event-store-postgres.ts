// The event log on PostgreSQL, fsync on: appends beside a bare INSERT of the same rows in a transaction of its own, replay
// beside a bare select, and processes that append in parallel beside the same under one lock held to the commit.
import type { EventStore } from '../src/event-store/event-store.ts';
import { openPostgresEventStore } from '../src/event-store/postgres/postgres-event-store.ts';
import { connectPostgres, type PostgresClient, queryArrays, queryText } from '../src/postgres/connect.ts';
import { startEmbeddedPostgres } from '../src/testing/embedded-postgres.ts';
import type { Bench } from './support/bench.ts';
import { besidePeer, type Figure } from './support/figure.ts';
import { type Forked, forkPart } from './support/forked.ts';
import { writesOf } from './support/written-posts.ts';

const RUN_MS = 500;
const CLIENTS = 32;
const REPLAY_EVENTS = 50_000;
const PAGE = 1000;

export async function run(bench: Bench): Promise<void> {
  const { report, held, newPath } = bench;
  const settings = { max_wal_size: '4GB', max_connections: '200' };
  const server = held.use(await startEmbeddedPostgres({ dataDir: newPath('postgres'), settings }));
  const url = server.url();
  const connect = async (): Promise<PostgresClient> => {
    const client = await connectPostgres(url, { applicationName: 'bench' });
    held.defer(() => client.end());
    return client;
  };
  const clients = await Promise.all(Array.from({ length: CLIENTS }, connect));
  const store = held.use(await openPostgresEventStore({ url }));
  await clients[0]!.query(
    'CREATE TABLE bare (LIKE banyan.event INCLUDING ALL); CREATE SEQUENCE bare_position',
  );
  for (const [eventsEach, count] of [
    [1, 1],
    [1, CLIENTS],
    [100, 1],
  ] as const) {
    const figure = await besidePeer(
      {
        name: `durable append to PostgreSQL, ${eventsEach} event${eventsEach === 1 ? '' : 's'} each, ${count} at a time`,
        unit: 'events/s',
        peer: 'INSERT of the same rows in a transaction of its own, a connection each',
      },
      () => eventRate(eventsEach, count, () => store.append(writesOf(eventsEach))),
      () => eventRate(eventsEach, count, (index) => insertBare(clients[index]!, eventsEach)),
    );
    report(figure);
  }
  report(await replayFigure(url, clients[0]!));
  for (const [processes, each] of [
    [8, 1],
    [4, 8],
  ] as const) {
    report(await processesFigure(bench, url, clients[0]!, processes, each));
  }
}

async function eventRate(
  eventsEach: number,
  count: number,
  work: (index: number) => Promise<unknown>,
): Promise<number> {
  let events = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      while (performance.now() - start < RUN_MS) {
        await work(index);
        events += eventsEach;
      }
    }),
  );
  return (events / (performance.now() - start)) * 1000;
}

let bareVersion = 0;

async function insertBare(client: PostgresClient, events: number): Promise<void> {
  const columns: unknown[][] = [[], [], [], [], [], [], [], []];
  for (const { stream, events: written } of writesOf(events)) {
    bareVersion += 1;
    const { type, id, time, schemaVersion, data, meta } = written[0]!;
    const row = [
      stream,
      bareVersion,
      type,
      id,
      time,
      schemaVersion,
      JSON.stringify(data),
      JSON.stringify(meta),
    ];
    row.forEach((value, index) => {
      columns[index]!.push(value);
    });
  }
  const into =
    'INSERT INTO bare (position, stream, version, type, id, time, schema_version, data, meta) SELECT nextval';
  await client.query(
    events === 1
      ? {
          name: 'one',
          text: `${into}('bare_position'), $1, $2, $3, $4, $5, $6, $7, $8`,
          values: columns.flat(),
        }
      : {
          name: 'many',
          text: `${into}('bare_position'), row.* FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[],
                 $5::text[], $6::bigint[], $7::text[], $8::text[]) AS row`,
          values: columns,
        },
  );
}

async function replayFigure(url: string, client: PostgresClient): Promise<Figure> {
  await using store = await openPostgresEventStore({ url, schema: 'replay' });
  for (let filled = 0; filled < REPLAY_EVENTS; filled += PAGE) await store.append(writesOf(PAGE));
  await client.query('VACUUM ANALYZE replay.event');
  return await besidePeer(
    {
      name: 'replay from PostgreSQL',
      unit: 'events/s',
      peer: 'select of the same rows by position, JSON.parse',
    },
    () => rateOf(() => readAll(store)),
    () => rateOf(() => selectAll(client)),
  );
}

async function readAll(store: EventStore): Promise<number> {
  let events = 0;
  for await (const batch of store.readLog({ after: 0, batchSize: PAGE })) events += batch.events.length;
  return events;
}

/** The least that could be called reading the log: its rows, both JSON texts parsed, nothing made of them. */
async function selectAll(client: PostgresClient): Promise<number> {
  let events = 0;
  for (let after = 0; ; ) {
    const rows = await queryArrays(
      client,
      `SELECT position, stream, version, type, id, time, schema_version, data, meta
       FROM replay.event WHERE position > $1 ORDER BY position LIMIT $2`,
      [after, PAGE],
    );
    for (const row of rows) {
      JSON.parse(row[7]!);
      JSON.parse(row[8]!);
    }
    if (rows.length === 0) return events;
    events += rows.length;
    after = Number(rows.at(-1)?.[0]);
  }
}

async function rateOf(work: () => Promise<number>): Promise<number> {
  const start = performance.now();
  return ((await work()) / (performance.now() - start)) * 1000;
}

/** The same engine twice; in the second log its writers take one exclusive lock where they would register. */
async function processesFigure(
  bench: Bench,
  url: string,
  client: PostgresClient,
  processes: number,
  each: number,
): Promise<Figure> {
  const [parallel, locked] = [`parallel_${processes}`, `locked_${processes}`];
  for (const schema of [parallel, locked]) {
    await (await openPostgresEventStore({ url, schema }))[Symbol.asyncDispose]();
  }
  const [row] = await queryText(client, `SELECT pg_get_functiondef('${locked}.append'::regproc) AS source`);
  await client.query(
    row!.source!.replace(/pg_advisory_xact_lock_shared\([^)]*\) FROM [^;]*/, 'pg_advisory_xact_lock(1)'),
  );
  const part = `${import.meta.dirname}/support/postgres-appender.ts`;
  const parts = (schema: string): Promise<Forked[]> =>
    Promise.all(
      Array.from({ length: processes }, () => forkPart(bench.held, part, [url, schema, String(each)])),
    );
  const [own, others] = [await parts(parallel), await parts(locked)];
  return await besidePeer(
    {
      name: `durable append to PostgreSQL, 1 event each, ${processes} processes, ${each} at a time in each`,
      unit: 'events/s',
      peer: 'the same under one exclusive lock held to the commit',
    },
    () => totalRate(own),
    () => totalRate(others),
  );
}

async function totalRate(parts: readonly Forked[]): Promise<number> {
  const rates = await Promise.all(parts.map((part) => part.ask({ runMs: RUN_MS })));
  return rates.reduce<number>((sum, rate) => sum + Number(rate), 0);
}
