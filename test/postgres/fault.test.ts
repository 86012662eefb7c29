// Faults of a connection: whatever way it is lost, the fault says so, is worth a retry, and carries no password.
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { test } from 'node:test';
import pg from 'pg';
import { BanyanError, ERRORS } from '../../src/kernel/error.ts';
import { connectPostgres } from '../../src/postgres/connect.ts';
import { addressOf, postgresFault } from '../../src/postgres/fault.ts';

async function listening(server: Server): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

const faultOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => assert.fail('it did not fail'),
    (error: unknown) => error,
  );

function assertUnreachable(fault: unknown): void {
  assert.ok(fault instanceof BanyanError, String(fault));
  assert.equal(fault.code, 'SOURCE_UNREACHABLE');
  assert.equal(ERRORS[fault.code].retry, 'backoff');
  assert.ok(!JSON.stringify([fault.message, fault.at, fault.why]).includes('secret'));
}

test('nobody listens, or whoever listens hangs up: the source cannot be reached', async () => {
  const server = createServer((socket) => socket.destroy());
  const port = await listening(server);
  const url = `postgresql://banyan:secret@127.0.0.1:${port}/shop`;
  assertUnreachable(await faultOf(connectPostgres(url, { applicationName: 'test' })));
  await new Promise((done) => server.close(done));
  assertUnreachable(await faultOf(connectPostgres(url, { applicationName: 'test' })));
});

test('whoever listens never answers: the source cannot be reached', async () => {
  const server = createServer();
  const port = await listening(server);
  const client = new pg.Client({ host: '127.0.0.1', port, connectionTimeoutMillis: 20 });
  client.on('error', () => undefined);
  assertUnreachable(postgresFault(await faultOf(client.connect()), 'the source'));
  const pool = new pg.Pool({ host: '127.0.0.1', port, connectionTimeoutMillis: 20 });
  assertUnreachable(postgresFault(await faultOf(pool.connect()), 'the source'));
  await pool.end();
  server.close();
});

test('what the driver and the server say of a lost connection is understood', () => {
  const said = [
    'Connection terminated',
    'Connection terminated unexpectedly',
    'Client has encountered a connection error and is not queryable',
    'Client was closed and is not queryable',
  ];
  for (const message of said) assertUnreachable(postgresFault(new Error(message), 'the source'));
  for (const code of ['57P01', '57P02', '57P03', '08006', '08001', '53300', 'ECONNRESET', 'EPIPE'])
    assertUnreachable(postgresFault(Object.assign(new Error('x'), { code }), 'the source'));
});

test('what is no fault of the connection stays what it is, or has a code of its own', () => {
  const plain = new Error('relation "x" does not exist');
  assert.equal(postgresFault(plain, 'the source'), plain);
  const codeOf = (code: string, message: string): unknown =>
    (postgresFault(Object.assign(new Error(message), { code }), 'the source') as BanyanError).code;
  assert.equal(codeOf('42501', 'permission denied'), 'SOURCE_PRIVILEGE_MISSING');
  assert.equal(codeOf('55006', 'slot is active'), 'SLOT_IN_USE');
  assert.equal(codeOf('55000', 'logical decoding requires wal_level >= logical'), 'SOURCE_WAL_LEVEL');
  assert.equal(codeOf('55000', 'something else'), '55000');
});

test('an address names host, port and database, and nothing else', () => {
  assert.equal(
    addressOf('postgresql://banyan:secret@db.internal/shop?sslmode=require'),
    'db.internal:5432/shop',
  );
  assert.equal(addressOf('no url with a secret'), 'the source');
});
