// Readers of a log in PostgreSQL: what wakes them and what it costs writers, their share of the connections, rare events.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logNames } from '../../src/event-store/postgres/log-names.ts';
import {
  appended,
  batchesOf,
  eventsOf,
  Follower,
  idsOf,
  newEvent,
  times,
  until,
  write,
} from '../../src/testing/contract/event-store/case.ts';
import { appendIn } from './append-in.ts';
import { scratchPostgresServer } from './scratch-postgres-log.ts';

const postgres = await scratchPostgresServer();
const [admin, slow] = [await postgres.connect(), await postgres.connect()];

test('an append notifies nobody inside its transaction; commits of a burst are announced together, and empty', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  const listener = await postgres.connect();
  const heard: (string | undefined)[] = [];
  listener.on('notification', ({ payload }) => heard.push(payload));
  await listener.query(`LISTEN ${logNames(log.schema).channel}`);
  await slow.query('BEGIN');
  await appendIn(slow, log.schema, [write('post-1')]);
  await slow.query('COMMIT');
  await listener.query('SELECT');
  assert.deepEqual(heard, []);
  for (const index of times(30, (number) => number)) await appended(store.append([write(`post-${index}`)]));
  await until('a notification', () => heard.length > 0);
  assert.ok(heard.length < 30 && heard.every((payload) => payload === ''), `${heard.length} notifications`);
});

test('a follower hears of appends that nobody announced', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  await using follower = new Follower(store);
  for (const index of times(3, (number) => number)) {
    await follower.hasReached(await appendIn(slow, log.schema, [write(`post-${index}`)]));
  }
});

test('a follower whose listening connection was lost goes on, and listens again', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  await using writer = await log.open();
  await using follower = new Follower(store);
  const listeners = async (): Promise<readonly string[]> => {
    const { rows } = await admin.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'banyan log listener'",
    );
    return rows.map(({ pid }) => String(pid));
  };
  await until('it listens', async () => (await listeners()).length === 1);
  const [lost] = await listeners();
  await admin.query('SELECT pg_terminate_backend($1)', [lost]);
  const { position } = await appended(writer.append([write('post-1')]));
  await follower.hasReached(position);
  await until('it listens again', async () => {
    const [pid] = await listeners();
    return pid !== undefined && pid !== lost;
  });
  await follower.hasReached((await appended(writer.append([write('post-1')]))).position);
});

test('reads and appends share a bounded pool: never more connections than it may have', async () => {
  await using log = postgres.newLog();
  await using store = await log.open({ poolSize: 3 });
  await Promise.all([
    ...times(50, (index) => appended(store.append([write(`post-${index}`)]))),
    ...times(50, () => eventsOf(store)),
  ]);
  const { rows } = await admin.query(
    "SELECT count(*)::int AS connections FROM pg_stat_activity WHERE application_name = 'banyan log'",
  );
  assert.ok(rows[0].connections <= 3, `${rows[0].connections} connections`);
});

test('a filter on a rare type, and one on a rare category, lose nothing and stay in order over a long log', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  const rare: string[] = [];
  for (const round of times(25, (number) => number)) {
    const events = times(1000, () => newEvent());
    const found = newEvent('Rare');
    rare.push(found.id);
    await appended(store.append([write(`post-${round}`, 'any', events), write('tag-1', 'any', [found])]));
  }
  for (const filter of [
    { types: ['Rare'] },
    { categories: ['tag'] },
    { categories: ['tag'], types: ['Rare'] },
  ]) {
    const batches = await batchesOf(store, filter);
    assert.deepEqual(
      batches.flatMap(({ events }) => idsOf(events)),
      rare,
    );
    assert.equal(batches.at(-1)?.upTo, 25_025);
  }
});
