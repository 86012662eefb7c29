// A projection's rebuild from the first event, until its store has caught up with the log: the claps domain of the example,
// on SQLite. Beside it what one would write by hand for the same tables: a prepared statement for each event, a transaction
// for each batch, from the same log. And beside reading the log alone, the limit of every rebuild.
import { DatabaseSync } from 'node:sqlite';
import { claps } from '../examples/medium/domains/claps.ts';
import type { EventStore } from '../src/event-store/event-store.ts';
import { openSqliteEventStore } from '../src/event-store/sqlite/sqlite-event-store.ts';
import type { RecordedEvent } from '../src/kernel/event.ts';
import { Projector } from '../src/projection/projector.ts';
import { openSqliteReadStore } from '../src/projection/sqlite/sqlite-read-store.ts';
import { createTables } from '../src/projection/sqlite/store-tables.ts';
import { waitUntil } from '../src/runtime/wait.ts';
import type { Bench } from './support/bench.ts';
import { type Figure, figure, inTurn } from './support/figure.ts';
import { appendHistory } from './support/medium-history.ts';

const SIZE = { members: 2_000, posts: 5_000, clapsEach: 30 };
const EVENTS = SIZE.members + SIZE.posts * (2 + SIZE.clapsEach);
const BATCH = 2_000;
const ROUNDS = 5;
const { projection } = claps;

export async function run({ report, held, newPath }: Bench): Promise<void> {
  const log = held.use(await openSqliteEventStore({ path: newPath('log.db') }));
  await appendHistory(log, SIZE);
  const rates = await inTurn(ROUNDS, {
    rebuild: () => rebuild(log, newPath('store.db')),
    byHand: () => rebuildByHand(log, newPath('store.db')),
    read: () => rate(() => readOnly(log)),
  });
  const beside = (peer: string, values: readonly number[]): Figure =>
    figure({ name: `projection rebuild beside ${peer}`, unit: 'events/s', peer }, rates.rebuild, values);
  report(beside('statements by hand, one for each event', rates.byHand));
  report(beside('the log read and nothing written', rates.read));
}

async function rebuild(eventLog: EventStore, path: string): Promise<number> {
  await using store = await openSqliteReadStore({ path, projection });
  const projector = new Projector({ projection, store, eventLog });
  const stop = new AbortController();
  const running = projector.run(stop.signal);
  const isDone = (): boolean => projector.figures().isCaughtUp;
  const perSecond = await rate(async () => {
    await Promise.race([running, waitUntil(isDone, { timeoutMs: 60_000, everyMs: 2 })]);
    return projector.figures().position;
  });
  stop.abort();
  await running;
  assertBuilt(path);
  return perSecond;
}

async function rebuildByHand(eventLog: EventStore, path: string): Promise<number> {
  using database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;');
  database.exec(`${createTables(projection)} CREATE TABLE checkpoint (position INTEGER)`);
  const project = handWritten(database);
  const perSecond = await rate(async () => {
    let events = 0;
    for await (const batch of eventLog.readLog({
      after: 0,
      types: Object.keys(projection.on),
      batchSize: BATCH,
    })) {
      database.exec('BEGIN');
      for (const event of batch.events) project(event);
      database.exec(`DELETE FROM checkpoint; INSERT INTO checkpoint VALUES (${batch.upTo}); COMMIT`);
      events += batch.events.length;
    }
    return events;
  });
  assertBuilt(path);
  return perSecond;
}

/** The example's handlers for the events that are in this log, as SQL. */
function handWritten(database: DatabaseSync): (event: RecordedEvent) => void {
  const person = database.prepare('INSERT OR REPLACE INTO people VALUES (?, ?, ?, ?)');
  const draft = database.prepare(
    'INSERT OR REPLACE INTO stories VALUES (?, ?, ?, ?, ?, ?, ?, NULL, 0, NULL)',
  );
  const publish = database.prepare(
    'UPDATE stories SET published_at = ?1, live_since = CASE deleted WHEN 0 THEN ?1 END WHERE id = ?2',
  );
  const applause = database.prepare(
    'INSERT INTO applause VALUES (?, ?) ON CONFLICT (post_id) DO UPDATE SET total = total + excluded.total',
  );
  const clapper = database.prepare('INSERT OR REPLACE INTO clappers VALUES (?, ?, ?)');
  return ({ type, data }) => {
    const told = data as Record<string, string> & { readonly count: number; readonly added: number };
    const { memberId, postId } = told;
    switch (type) {
      case 'MemberRegistered':
        person.run(Number(memberId), told.handle!, told.name!, told.avatar!);
        break;
      case 'PostDrafted': {
        const { slug, title, subtitle, thumbnail, authorId, publicationId } = told;
        const publication = publicationId === null ? null : Number(publicationId);
        draft.run(Number(postId), slug!, title!, subtitle!, thumbnail!, Number(authorId), publication);
        break;
      }
      case 'PostPublished':
        publish.run(told.publishedAt!, Number(postId));
        break;
      case 'ClapsGiven':
        applause.run(Number(postId), told.added);
        clapper.run(Number(postId), Number(memberId), told.count);
    }
  };
}

async function readOnly(eventLog: EventStore): Promise<number> {
  let events = 0;
  for await (const batch of eventLog.readLog({ after: 0, batchSize: BATCH })) events += batch.events.length;
  return events;
}

async function rate(work: () => Promise<number>): Promise<number> {
  const start = performance.now();
  const events = await work();
  if (events !== EVENTS) throw new Error(`${events} events were gone through, not ${EVENTS}`);
  return (events / (performance.now() - start)) * 1_000;
}

/** Both ways end with the same rows. */
function assertBuilt(path: string): void {
  using database = new DatabaseSync(path, { readOnly: true });
  const built = database
    .prepare(
      `SELECT (SELECT count(*) FROM people) AS people, (SELECT count(live_since) FROM stories) AS stories,
              (SELECT sum(total) FROM applause) AS applause, (SELECT sum(count) FROM clappers) AS claps`,
    )
    .get()!;
  const { people, stories, applause, claps: given } = built;
  if (people !== SIZE.members || stories !== SIZE.posts || applause !== given || !given)
    throw new Error(`The store holds ${JSON.stringify(built)}`);
}
