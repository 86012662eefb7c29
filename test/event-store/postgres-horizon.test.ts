// Positions are drawn before their commit. Whatever order writers commit in, roll back or die, a reader never passes by an
// event that is still to appear, and waits for nobody else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogConnection } from '../../src/event-store/postgres/log-connection.ts';
import { logNames } from '../../src/event-store/postgres/log-names.ts';
import { LogReader } from '../../src/event-store/postgres/log-reader.ts';
import { errorCode } from '../../src/kernel/error.ts';
import { lsn } from '../../src/kernel/lsn.ts';
import type { PostgresClient } from '../../src/postgres/connect.ts';
import {
  appended,
  eventsOf,
  Follower,
  idsOf,
  newEvent,
  streamOf,
  until,
  write,
} from '../../src/testing/contract/event-store/case.ts';
import { appendIn } from './append-in.ts';
import { scratchPostgresServer } from './scratch-postgres-log.ts';

const postgres = await scratchPostgresServer();
const [slow, other] = [await postgres.connect(), await postgres.connect()];

test('a late committer is not skipped: its event comes first, and those that overtook it after', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  await using follower = new Follower(store);
  await until('a first batch', () => follower.batches.length > 0);
  const [late, early] = [newEvent(), newEvent()];
  await slow.query('BEGIN');
  const first = await appendIn(slow, log.schema, [write('post-1', 'none', [late])]);
  const { position: second } = await appended(store.append([write('post-2', 'none', [early])]));
  assert.ok(first < second);
  assert.deepEqual(idsOf(await streamOf(store, 'post-2')), [early.id]);
  await slow.query('COMMIT');
  await follower.hasReached(second);
  assert.deepEqual(idsOf(follower.events), [late.id, early.id]);
});

test('a read that begins after an append waits for what is under way below it, and then holds both', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  const [late, early] = [newEvent(), newEvent()];
  await slow.query('BEGIN');
  await appendIn(slow, log.schema, [write('post-1', 'none', [late])]);
  await appended(store.append([write('post-2', 'none', [early])]));
  const reading = eventsOf(store);
  await slow.query('COMMIT');
  assert.deepEqual(idsOf(await reading), [late.id, early.id]);
});

test('a start at the end is fenced: the head does not pass an append under way', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  const late = newEvent();
  await slow.query('BEGIN');
  const first = await appendIn(slow, log.schema, [write('post-1', 'none', [late])]);
  const { position: second } = await appended(store.append([write('post-2')]));
  const head = store.head();
  const horizon = await horizonOf(log.schema);
  assert.ok(Number(horizon.settled) < first && Number(horizon.drawn) === second);
  await slow.query('COMMIT');
  assert.equal((await head).position, second);
});

test('a position that was rolled back is waited for by nobody', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  await slow.query('BEGIN');
  const burned = await appendIn(slow, log.schema, [write('post-1', 'none', [newEvent(), newEvent()])]);
  await slow.query('ROLLBACK');
  const { position } = await appended(store.append([write('post-1', 'none')]));
  assert.equal(position, burned + 1);
  const [event, ...others] = await eventsOf(store);
  assert.deepEqual([event?.position, event?.version, others], [position, 1, []]);
});

test('a writer whose server process dies amid an append leaves nothing behind that stalls', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  await using follower = new Follower(store);
  const dying = await postgres.connect();
  await dying.query('BEGIN');
  await appendIn(dying, log.schema, [write('post-1'), write('post-2')]);
  const blocked = appended(store.append([write('post-1', 'none')]));
  await slow.query('SELECT pg_terminate_backend($1)', [await processOf(dying)]);
  const { position } = await blocked;
  await follower.hasReached(position);
  assert.deepEqual(
    follower.events.map(({ stream, version }) => `${stream}@${version}`),
    ['post-1@1'],
  );
});

test('write transactions in another database, another schema and another log of the server stall no reader', async () => {
  await slow.query('CREATE DATABASE neighbour');
  const elsewhere = await postgres.connect('neighbour');
  await elsewhere.query('CREATE TABLE nightly (id int); BEGIN; INSERT INTO nightly VALUES (1)');
  await slow.query('CREATE TABLE public.batch (id int); BEGIN; INSERT INTO public.batch VALUES (1)');
  await using otherLog = postgres.newLog();
  await using _otherStore = await otherLog.open();
  await other.query('BEGIN');
  await appendIn(other, otherLog.schema, [write('post-1')]);

  await using log = postgres.newLog();
  await using store = await log.open();
  await using follower = new Follower(store);
  const { position } = await appended(store.append([write('post-1')]));
  await follower.hasReached(position);
  assert.equal((await store.head()).position, position);
  for (const client of [elsewhere, slow, other]) await client.query('ROLLBACK');
});

test('a source whose append overtook another one is not said to be further than the events that were given', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  await using follower = new Follower(store);
  await slow.query('BEGIN');
  await appendIn(slow, log.schema, [write('post-1')]);
  const source = { name: 'monolith', lsn: lsn(7n), position: 0, expected: undefined };
  const { position } = await appended(store.append([write('post-2')], { source }));
  // A batch that was read after that append, while the other one is still under way.
  await using late = new Follower(store);
  await until('a first batch', () => late.batches.length > 0);
  assert.deepEqual(late.batches[0], { events: [], upTo: 0, head: 0, frontier: {} });
  await slow.query('COMMIT');
  await Promise.all([follower.hasReached(position), late.hasReached(position)]);
  await until('the frontier', () => [follower, late].every(({ last }) => last?.frontier.monolith === 7n));
  for (const { upTo, frontier } of [...follower.batches, ...late.batches]) {
    assert.ok(frontier.monolith === undefined || upTo >= position);
  }
});

test('a slow look at the locks never takes back what was proven: a late registration hides no event again', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  const { position } = await appended(store.append([write('post-1', 'none', [newEvent(), newEvent()])]));
  assert.equal((await store.head()).position, position);
  // As a writer does that read the sequence before those appends and was held up before it took its lock.
  await slow.query('BEGIN');
  await slow.query(`SELECT pg_advisory_xact_lock_shared(${logNames(log.schema).inFlightKey})`);
  await using follower = new Follower(store, { after: position });
  await until('a first batch', () => follower.batches.length > 0);
  assert.deepEqual(follower.last, { events: [], upTo: position, head: position, frontier: {} });
  await slow.query('ROLLBACK');
});

test('a read held up by an append that never ends fails, and names the server process', async () => {
  await using log = postgres.newLog();
  await using store = await log.open();
  await slow.query('BEGIN');
  await appendIn(slow, log.schema, [write('post-1')]);
  await appended(store.append([write('post-2')]));
  const names = logNames(log.schema);
  const connection = new LogConnection(log.url, names, 1);
  const holder = await processOf(slow);
  await assert.rejects(
    new LogReader(connection, names, { underWayMs: 20 }).currentHorizon(),
    (error) =>
      errorCode(error) === 'LOG_UNREACHABLE' && String((error as { why?: string }).why).includes(holder),
  );
  await connection.close();
  await slow.query('ROLLBACK');
});

test('under an isolation level with one snapshot for all statements, appends and horizons are refused', async () => {
  await using log = postgres.newLog();
  await using _store = await log.open();
  for (const level of ['REPEATABLE READ', 'SERIALIZABLE']) {
    await other.query(`BEGIN ISOLATION LEVEL ${level}`);
    await assert.rejects(other.query(`SELECT ${log.schema}.horizon()`), /READ COMMITTED/);
    await other.query('ROLLBACK');
    await other.query(`BEGIN ISOLATION LEVEL ${level}`);
    const several = [write('post-1', 'any', [newEvent(), newEvent()])];
    await assert.rejects(appendIn(other, log.schema, several), /READ COMMITTED/);
    await other.query('ROLLBACK');
  }
});

test('what a role or database sets for its sessions changes no guarantee', async () => {
  await slow.query(`
    CREATE ROLE cautious LOGIN SUPERUSER PASSWORD 'p';
    ALTER ROLE cautious SET default_transaction_isolation = 'serializable';
    ALTER ROLE cautious SET synchronous_commit = off`);
  await using log = postgres.newLog();
  const url = new URL(log.url);
  [url.username, url.password] = ['cautious', 'p'];
  await using store = await log.open({ url: url.href });
  await slow.query('BEGIN');
  const first = await appendIn(slow, log.schema, [write('post-1')]);
  await appended(store.append([write('post-2')]));
  const reading = eventsOf(store);
  await slow.query('COMMIT');
  assert.equal((await reading)[0]?.position, first);
  for (const events of [[newEvent()], [newEvent(), newEvent()]]) {
    await slow.query('BEGIN; SET LOCAL synchronous_commit = off');
    await appendIn(slow, log.schema, [write('post-3', 'any', events)]);
    const { rows } = await slow.query('SHOW synchronous_commit');
    assert.deepEqual(rows, [{ synchronous_commit: 'on' }]);
    await slow.query('ROLLBACK');
  }
});

/** Engines that are wrong in one way: the event that comes late must be missing, or the tests above prove nothing. */
const MUTATIONS: Readonly<Record<string, readonly [name: string, right: RegExp, wrong: string]>> = {
  'readers look at no locks': ['horizon', /settled := least\(drawn, settled\)/, 'settled := drawn'],
  'writers do not register': ['append', /PERFORM pg_advisory_xact_lock_shared\([^;]*;/, ''],
};

for (const [what, [name, right, wrong]] of Object.entries(MUTATIONS)) {
  test(`a late committer is lost when ${what}`, async () => {
    await using log = postgres.newLog();
    await using store = await log.open();
    await mutate(log.schema, name, right, wrong);
    await using follower = new Follower(store);
    await slow.query('BEGIN');
    await appendIn(slow, log.schema, [write('post-1', 'any', [newEvent(), newEvent()])]);
    // Such a reader may also stand still until the next append: it is given more of them until it goes on.
    const goesOn = async (): Promise<void> => {
      const { position } = await appended(store.append([write('post-2')]));
      await until('the reader goes on', async () => {
        await appended(store.append([write('tag-1')]));
        return (follower.last?.upTo ?? 0) >= position;
      });
    };
    await goesOn();
    await slow.query('COMMIT');
    await goesOn();
    const streams = new Set(follower.events.map(({ stream }) => stream));
    assert.ok(streams.has('post-2') && !streams.has('post-1'));
  });
}

async function mutate(schema: string, name: string, right: RegExp, wrong: string): Promise<void> {
  const { rows } = await other.query<{ source: string }>(
    `SELECT pg_get_functiondef('${schema}.${name}'::regproc) AS source`,
  );
  const mutant = rows[0]!.source.replace(right, wrong);
  assert.notEqual(mutant, rows[0]!.source);
  await other.query(mutant);
}

async function horizonOf(schema: string): Promise<{ readonly drawn: string; readonly settled: string }> {
  const { rows } = await other.query(`SELECT drawn, settled FROM ${schema}.horizon()`);
  return rows[0];
}

async function processOf(client: PostgresClient): Promise<string> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return String(rows[0]!.pid);
}
