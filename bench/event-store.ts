// The event log on SQLite: durable appends beside the disk's own limit (one write and one sync for the same bytes), and
// replay beside a bare select of the same rows.
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { EventStore } from '../src/event-store/event-store.ts';
import { openSqliteEventStore } from '../src/event-store/sqlite/sqlite-event-store.ts';
import type { Bench } from './support/bench.ts';
import { besidePeer, type Figure } from './support/figure.ts';
import { writesOf } from './support/written-posts.ts';

const RUN_MS = 220;
const REPLAY_EVENTS = 100_000;
const PAGE = 1000;

export async function run({ report, held, newPath }: Bench): Promise<void> {
  const store = held.use(await openSqliteEventStore({ path: newPath('log.db') }));
  for (const [eventsEach, clients] of [
    [1, 1],
    [1, 32],
    [100, 1],
  ] as const) {
    const figure = await besidePeer(
      {
        name: `durable append, ${count(eventsEach, 'event')} each, ${count(clients, 'client')}`,
        unit: 'events/s',
        peer: 'write and fsync of the same bytes, one after another',
      },
      () => appendRate(store, eventsEach, clients),
      () => syncRate(newPath('bytes'), eventsEach),
    );
    report(figure);
  }
  report(await replayFigure(newPath('replay.db')));
}

async function appendRate(store: EventStore, eventsEach: number, clients: number): Promise<number> {
  let events = 0;
  const client = async (): Promise<void> => {
    while (performance.now() < end) {
      await store.append(writesOf(eventsEach));
      events += eventsEach;
    }
  };
  const start = performance.now();
  const end = start + RUN_MS;
  await Promise.all(Array.from({ length: clients }, client));
  return (events / (performance.now() - start)) * 1000;
}

async function syncRate(path: string, eventsEach: number): Promise<number> {
  const bytes = Buffer.from(`${JSON.stringify(writesOf(eventsEach))}\n`);
  const file = openSync(path, 'w');
  let events = 0;
  const start = performance.now();
  while (performance.now() - start < RUN_MS) {
    writeSync(file, bytes);
    fsyncSync(file);
    events += eventsEach;
  }
  const rate = (events / (performance.now() - start)) * 1000;
  closeSync(file);
  return rate;
}

async function replayFigure(path: string): Promise<Figure> {
  await using store = await openSqliteEventStore({ path });
  for (let filled = 0; filled < REPLAY_EVENTS; filled += PAGE) await store.append(writesOf(PAGE));
  using bare = new DatabaseSync(path);
  return await besidePeer(
    { name: 'log replay', unit: 'events/s', peer: 'node:sqlite select of the same rows, JSON.parse' },
    () =>
      rate(async () => {
        let events = 0;
        for await (const batch of store.readLog({ after: 0, batchSize: PAGE })) events += batch.events.length;
        return events;
      }),
    () => rate(async () => selectAll(bare)),
  );
}

/** The least that could be called reading the log: its rows, both JSON texts parsed, nothing made of them. */
function selectAll(database: DatabaseSync): number {
  const select = database.prepare('SELECT * FROM event WHERE position > ? ORDER BY position LIMIT ?');
  let events = 0;
  for (let after = 0; ; ) {
    const rows = select.all(after, PAGE);
    for (const row of rows) {
      JSON.parse(String(row.data));
      JSON.parse(String(row.meta));
    }
    if (rows.length === 0) return events;
    events += rows.length;
    after = Number(rows.at(-1)?.position);
  }
}

async function rate(work: () => Promise<number>): Promise<number> {
  const start = performance.now();
  return ((await work()) / (performance.now() - start)) * 1000;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
