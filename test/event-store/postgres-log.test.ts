// What a log in PostgreSQL is made of: which servers and schemas are refused, that the database itself keeps events as they
// are, copies of the tables, a server that crashed.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPostgresEventStore } from '../../src/event-store/postgres/postgres-event-store.ts';
import { BanyanError, type ErrorCode } from '../../src/kernel/error.ts';
import { lsn } from '../../src/kernel/lsn.ts';
import {
  appended,
  batchesOf,
  eventsOf,
  Follower,
  times,
  until,
  write,
} from '../../src/testing/contract/event-store/case.ts';
import { freePort, startEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts';
import { scratchFolder } from '../support/scratch-folder.ts';
import { type ScratchPostgresLog, scratchPostgresServer } from './scratch-postgres-log.ts';

const postgres = await scratchPostgresServer();
const admin = await postgres.connect();

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

test('a role that may make no schema is told what to ask for, and is content with an empty one', async () => {
  await using log = postgres.newLog();
  await admin.query("CREATE ROLE writer LOGIN PASSWORD 'p'");
  const url = new URL(log.url);
  [url.username, url.password] = ['writer', 'p'];
  await assert.rejects(log.open({ url: url.href }), (error) => {
    assert.ok(error instanceof BanyanError && error.code === 'LOG_UNREACHABLE');
    assert.match(error.remedy, /CREATE SCHEMA/);
    return true;
  });
  await admin.query(`CREATE SCHEMA ${log.schema} AUTHORIZATION writer`);
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

test('a server that crashed and recovered goes on: nothing acknowledged is lost, no position is used twice', async () => {
  const folder = scratchFolder('event-store-postgres-crash');
  const dataDir = join(folder, 'postgres');
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const server = await startEmbeddedPostgres({ dataDir });
  await using store = await openPostgresEventStore({ url: server.url() });
  const acknowledged: number[] = [];
  const failed: unknown[] = [];
  const writing = Promise.all(
    times(4, async (writer) => {
      for (let index = 0; failed.length === 0 && index < 100_000; index += 1) {
        const append = store.append([write(`post-${writer}`, index)]);
        await appended(append).then(
          ({ position }) => acknowledged.push(position),
          (error: unknown) => failed.push(error),
        );
      }
    }),
  );
  await until('appends are under way', () => acknowledged.length > 50);
  await server.crash();
  await writing;
  assert.ok(failed.every(fault('LOG_UNREACHABLE')));
  await using _again = await startEmbeddedPostgres({ dataDir, port: server.port, ephemeral: true });

  const before = (await eventsOf(store)).map(({ position }) => position);
  assert.deepEqual(
    acknowledged.filter((position) => !before.includes(position)),
    [],
  );
  await using follower = new Follower(store, { after: before.at(-1)! });
  const { position } = await appended(store.append([write('post-9', 'none')]));
  assert.ok(position > before.at(-1)!);
  await follower.hasReached(position);
  assert.equal(follower.events.length, 1);
});

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
