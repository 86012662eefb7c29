// Appends to a log in PostgreSQL: locks and their order, neighbours in a group, connections that break, keys that age.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BanyanError, type ErrorCode } from '../../src/kernel/error.ts';
import {
  appended,
  eventsOf,
  newEvent,
  times,
  until,
  write,
} from '../../src/testing/contract/event-store/case.ts';
import { appendIn } from './append-in.ts';
import { scratchPostgresServer } from './scratch-postgres-log.ts';

const postgres = await scratchPostgresServer();
const [admin, slow] = [await postgres.connect(), await postgres.connect()];

test('`none` and every version are unique in the database, not only in the function', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  await appended(store.append([write('post-1', 'none')]));
  await assert.rejects(
    admin.query(
      `INSERT INTO ${log.schema}.event (position, stream, version, type, id, time, schema_version, data, meta)
       SELECT position + 1, stream, version, type, id, time, schema_version, data, meta FROM ${log.schema}.event`,
    ),
    /event_of_stream/,
  );
});

test('versions are compared after the lock: of two that wait for one stream, the second sees what the first wrote', async () => {
  await using log = postgres.newLog();
  await using one = await log.open();
  await using two = await log.open();
  await slow.query('BEGIN');
  await appendIn(slow, log.schema, [write('post-1', 'none')]);
  const racing = [one, two].map((store) => store.append([write('post-1', 1)]));
  await until('both wait', async () => (await waiting()) === 2);
  await slow.query('COMMIT');
  const outcomes = await Promise.all(racing);
  assert.deepEqual(outcomes.map(({ outcome }) => outcome).sort(), ['appended', 'conflict']);
  const conflict = outcomes.find(({ outcome }) => outcome === 'conflict');
  assert.ok(conflict?.outcome === 'conflict' && conflict.actual === 2);
});

test('writers that take the same streams in opposite orders wait for each other, never in a circle', async () => {
  await using log = postgres.newLog();
  await using one = await log.open();
  await using two = await log.open();
  const streams = times(12, (index) => `post-${index}`);
  const orders = [streams, streams.toReversed()];
  await Promise.all(
    [one, two].flatMap((store, index) =>
      times(40, () => appended(store.append(orders[index]!.map((stream) => write(stream))))),
    ),
  );
  assert.equal((await eventsOf(one)).length, 2 * 40 * 12);
  const { rows } = await admin.query(
    'SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()',
  );
  assert.equal(rows[0].deadlocks, '0');
});

test('an append that the database refuses fails alone, its neighbours of the same turn are written', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  await admin.query(`
    CREATE FUNCTION ${log.schema}.poison() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'too much'; END $$;
    CREATE TRIGGER poison BEFORE INSERT ON ${log.schema}.event FOR EACH ROW WHEN (NEW.type = 'Poison')
      EXECUTE FUNCTION ${log.schema}.poison()`);
  const types = ['Written', 'Poison', 'Written'];
  const settled = await Promise.allSettled(
    types.map((type, index) =>
      store.append([write(`post-${index}`), write('user-1', 'any', [newEvent(type)])]),
    ),
  );
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(
    (await eventsOf(store)).map(({ stream }) => stream),
    ['post-0', 'user-1', 'post-2', 'user-1'],
  );
});

test('a name too long for the index is a RangeError, and nothing was written', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  const noise = times(1500, () => Math.random().toString(36).slice(2, 12)).join('');
  await assert.rejects(store.append([write('post-1'), write(`post-${noise}`)]), RangeError);
  assert.deepEqual(await eventsOf(store), []);
});

test('an append whose connection broke is LOG_UNREACHABLE; under its key it is written once', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  const append = () => store.append([write('post-1')], { idempotencyKey: 'k' });
  await slow.query('BEGIN');
  await appendIn(slow, log.schema, [write('post-1')]);
  const broken = assert.rejects(append(), fault('LOG_UNREACHABLE'));
  await until('the append waits', async () => (await waiting()) === 1);
  await admin.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`);
  await broken;
  await slow.query('COMMIT');
  assert.equal((await appended(append())).isDuplicate, false);
  assert.equal((await appended(append())).isDuplicate, true);
  assert.equal((await eventsOf(store)).length, 2);
});

test('a retry while the first try is still under way waits for it and returns its outcome', async () => {
  await using log = postgres.newLog();
  await using one = await log.open();
  await using two = await log.open();
  const writes = [write('post-1')];
  await slow.query('BEGIN');
  await appendIn(slow, log.schema, [write('post-1')]);
  const tries = [one, two].map((store) => appended(store.append(writes, { idempotencyKey: 'k' })));
  await until('both wait', async () => (await waiting()) === 2);
  await slow.query('COMMIT');
  const [first, second] = await Promise.all(tries);
  assert.deepEqual([first?.isDuplicate, second?.isDuplicate].sort(), [false, true]);
  assert.equal(first?.position, second?.position);
});

test('idempotency keys older than seven days are dropped as new ones come', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  const isDuplicate = async (idempotencyKey: string): Promise<boolean> =>
    (await appended(store.append([write('post-1')], { idempotencyKey }))).isDuplicate;
  for (const key of ['old-1', 'old-2', 'young']) await isDuplicate(key);
  await admin.query(
    `UPDATE ${log.schema}.idempotency_key SET recorded_at = now() - interval '8 days' WHERE key LIKE 'old-%'`,
  );
  assert.equal(await isDuplicate('new'), false);
  assert.deepEqual([await isDuplicate('young'), await isDuplicate('new')], [true, true]);
  assert.equal(await isDuplicate('old-1'), false);
});

/** How many sessions wait for a lock. */
async function waiting(): Promise<number> {
  const { rows } = await admin.query(
    "SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
  );
  return rows[0].sessions;
}

function fault(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof BanyanError && error.code === code && error.at !== undefined;
}
