// What is particular to a log in PostgreSQL: which schemas are refused, connections that break, neighbours in a group,
// copies of the tables, waking readers, and that the database itself keeps events as they are.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logNames } from '../../src/event-store/postgres/log-names.ts';
import { openPostgresEventStore } from '../../src/event-store/postgres/postgres-event-store.ts';
import { BanyanError, type ErrorCode } from '../../src/kernel/error.ts';
import { lsn } from '../../src/kernel/lsn.ts';
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
import { freePort } from '../../src/testing/embedded-postgres.ts';
import { appendIn } from './append-in.ts';
import { type ScratchPostgresLog, scratchPostgresServer } from './scratch-postgres-log.ts';

const postgres = await scratchPostgresServer();
const [admin, slow] = [await postgres.connect(), await postgres.connect()];

test('a server that is not there, and a database that is not, are LOG_UNREACHABLE without a password', async () => {
  const port = await freePort();
  for (const url of [`postgresql://ann:s3cret@127.0.0.1:${port}/log`, postgres.server.url('absent')]) {
    await assert.rejects(openPostgresEventStore({ url }), (error) => {
      const { password } = new URL(url);
      assert.ok(error instanceof BanyanError && error.cause instanceof Error);
      assert.equal(error.code, 'LOG_UNREACHABLE');
      assert.ok(!`${error.message} ${error.at} ${error.why}`.includes(password));
      return true;
    });
  }
});

test('a schema with tables of another program is refused and left as it was', async () => {
  await using log = postgres.newLog();
  await admin.query(`CREATE SCHEMA ${log.schema}; CREATE TABLE ${log.schema}.event (recipe text)`);
  await assert.rejects(log.open(), fault('LOG_CORRUPT'));
  const { rows } = await admin.query('SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace', [
    log.schema,
  ]);
  assert.deepEqual(rows, [{ relname: 'event' }]);
});

test('an empty schema that an administrator made is enough for a role that may make none', async () => {
  await using log = postgres.newLog();
  await admin.query(
    `CREATE ROLE writer LOGIN PASSWORD 'p'; CREATE SCHEMA ${log.schema} AUTHORIZATION writer`,
  );
  const url = new URL(log.url);
  [url.username, url.password] = ['writer', 'p'];
  await using store = await log.open({ url: url.href });
  await appended(store.append([write('post-1')]));
});

test('a log of a schema version that this one does not know is refused', async () => {
  await using log = postgres.newLog();
  await (await log.open())[Symbol.asyncDispose]();
  await admin.query(`UPDATE ${log.schema}.log SET schema_version = 99`);
  await assert.rejects(log.open(), fault('LOG_CORRUPT'));
});

test('a database in another encoding than UTF-8 is refused, with what to do', async () => {
  await admin.query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
  await assert.rejects(openPostgresEventStore({ url: postgres.server.url('latin') }), (error) => {
    assert.ok(error instanceof BanyanError && error.remedy.includes("ENCODING 'UTF8'"));
    return true;
  });
});

test('schema names may hold anything that PostgreSQL lets them hold; longer ones are a RangeError', async () => {
  const url = postgres.server.url();
  await using store = await openPostgresEventStore({ url, schema: 'Log "of" ä' });
  await appended(store.append([write('post-1')]));
  assert.equal((await eventsOf(store)).length, 1);
  await assert.rejects(openPostgresEventStore({ url, schema: 'x'.repeat(64) }), RangeError);
});

test('the database refuses to change, to delete and to truncate events', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  await appended(store.append([write('post-1')]));
  for (const sql of ["UPDATE $ SET data = '{}'", 'DELETE FROM $', 'TRUNCATE $']) {
    await assert.rejects(admin.query(sql.replace('$', `${log.schema}.event`)), /events are for ever/);
  }
  assert.equal((await eventsOf(store)).length, 1);
});

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

test('tables copied into a fresh database keep working, also where the sequence was left behind', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  const source = { name: 'monolith', lsn: lsn(7n), position: 3, expected: undefined };
  await appended(store.append([write('post-1'), write('post-2')], { source, idempotencyKey: 'k' }));
  const batches = await batchesOf(store);
  for (const [index, withSequence] of [true, false].entries()) {
    const database = `restored_${index}`;
    await admin.query(`CREATE DATABASE ${database}`);
    await copyTables(log, database, withSequence);
    await using restored = await log.open({ url: postgres.server.url(database) });
    assert.deepEqual(restored.identity, { ...store.identity, recoveryEpoch: 1 });
    assert.deepEqual(await batchesOf(restored), batches);
    assert.deepEqual(await restored.sourceProgress('monolith'), { name: 'monolith', lsn: 7n, position: 3 });
    assert.ok((await appended(restored.append([write('post-1')], { idempotencyKey: 'k' }))).isDuplicate);
    const { position, versions } = await appended(restored.append([write('post-1', 1)]));
    assert.deepEqual([position, versions], [3, { 'post-1': 2 }]);
    await using follower = new Follower(restored);
    await follower.hasReached(position);
    assert.equal(follower.events.length, 3);
  }
});

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

/** How many sessions wait for a lock. */
async function waiting(): Promise<number> {
  const { rows } = await admin.query(
    "SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
  );
  return rows[0].sessions;
}

/** As a restore does it: the schema is made, its rows come from the other log, and the recovery epoch is raised. */
async function copyTables(log: ScratchPostgresLog, database: string, withSequence: boolean): Promise<void> {
  await (await log.open({ url: postgres.server.url(database) }))[Symbol.asyncDispose]();
  const target = await postgres.connect(database);
  await target.query(`DELETE FROM ${log.schema}.log`);
  for (const table of ['log', 'stream', 'source_progress', 'idempotency_key', 'event']) {
    const { rows: columns } = await admin.query<{ column_name: string }>(
      `SELECT column_name FROM information_schema.columns
       WHERE table_schema = $1 AND table_name = $2 AND is_generated = 'NEVER'`,
      [log.schema, table],
    );
    const names = columns.map(({ column_name: name }) => name).join(', ');
    const { rows } = await admin.query<{ row: string }>(
      `SELECT to_jsonb(stored)::text AS row FROM ${log.schema}.${table} AS stored`,
    );
    for (const { row } of rows) {
      await target.query(
        `INSERT INTO ${log.schema}.${table} (${names})
         SELECT ${names} FROM jsonb_populate_record(NULL::${log.schema}.${table}, $1::jsonb)`,
        [row],
      );
    }
  }
  const { rows } = await admin.query<{ last: string }>(
    `SELECT last_value AS last FROM ${log.schema}.event_position`,
  );
  if (withSequence) await target.query(`SELECT setval('${log.schema}.event_position', ${rows[0]!.last})`);
  await target.query(`UPDATE ${log.schema}.log SET recovery_epoch = recovery_epoch + 1`);
}

function fault(code: ErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof BanyanError && error.code === code && error.at !== undefined;
}
