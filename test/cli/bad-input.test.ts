// What goes wrong before anything is captured: each with a clear error, the documented exit code, and nothing half done.
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connectPostgres, type PostgresClient, queryText } from '../../src/postgres/connect.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts';
import { banyan, type Ended, freePorts } from '../support/banyan-process.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const ORDERS = 'CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL, total int NOT NULL)';

let folder: string;
let env: Record<string, string>;
before(async () => {
  folder = scratchFolder('bad-input');
  env = {
    SHOP_URL: 'postgresql://nobody:secret@127.0.0.1:9/shop',
    SHOP_DATA_DIR: join(folder, 'data'),
    SHOP_PORT: String(await freePorts()),
  };
});
after(() => rmSync(folder, { recursive: true, force: true }));

const run = (words: string, more: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  banyan(words.split(' '), { ...env, ...more }).ended;

/** What, where, why and what to do, on stderr alone; and no password anywhere. */
function assertError(ended: Ended, code: number, expected: readonly RegExp[]): void {
  for (const pattern of expected) assert.match(ended.stderr, pattern);
  assert.match(ended.stderr, /^ {2}do {5}\S/m);
  assert.doesNotMatch(ended.stderr, /secret|\n {4}at /);
  assert.equal(ended.stdout, '');
  assert.equal(ended.code, code, ended.stderr);
}

describe('before anything runs', () => {
  test('a config that is missing, unreadable or wrong is exit 2, and says where', async () => {
    assertError(await run('status --config absent.ts'), 2, [/CONFIG_NOT_FOUND.*absent\.ts/]);
    const broken = join(folder, 'broken.ts');
    writeFileSync(broken, 'export default {\n  name: "shop",\n  source: {{,\n};\n');
    assertError(await run(`status --config ${broken}`), 2, [/CONFIG_INVALID/, /at {5}.*broken\.ts/]);
    const wrong = join(folder, 'wrong.ts');
    writeFileSync(wrong, "export default { name: 'shop', source: { url: 'mysql://db' } };\n");
    assertError(await run(`status --config ${wrong}`), 2, [
      /`source.url`/,
      /expected a URL such as postgres/,
    ]);
    assert.equal(existsSync(env.SHOP_DATA_DIR!), false, 'no data folder was made');
  });

  test('a domain that there is not is exit 2, and names those that there are', async () => {
    for (const words of [
      'promote order',
      'rollback order',
      'verify order',
      'backfill order',
      'rebuild order',
    ]) {
      assertError(await run(words), 2, [/DOMAIN_UNKNOWN: There is no domain order$/m, /Use one of: orders/]);
    }
    assertError(await run('run --role service --domain order'), 2, [/DOMAIN_UNKNOWN/]);
  });

  test('words that make no sense are exit 2', async () => {
    assertError(await run('promot orders'), 2, [/USAGE: There is no command `promot`/]);
    assertError(await run('promote orders --reads 101'), 2, [/--reads is "101"/]);
    assertError(await run('promote orders --to nowhere'), 2, [/Use one of: mapped, capturing/]);
  });

  test('a source that does not answer is exit 6, with its address and without its password', async () => {
    for (const words of ['doctor', 'promote orders'])
      assertError(await run(words), 6, [
        /SOURCE_UNREACHABLE/,
        /at {5}127\.0\.0\.1:9\/shop/,
        /why .*ECONNREFUSED/,
      ]);
  });

  test('a role that does not run is exit 6 where it is needed', async () => {
    assertError(await run('rebuild orders'), 6, [/CONTROL_UNREACHABLE: The role service orders/]);
    assertError(await run('shadow orders'), 6, [/The gateway does not answer/]);
  });

  test('with --json the error is one document on stdout', async () => {
    const { code, stdout, stderr } = await run('promote order --json');
    const { ok, error } = JSON.parse(stdout) as { ok: boolean; error: Record<string, string> };
    assert.deepEqual([code, ok, error.code, stderr], [2, false, 'DOMAIN_UNKNOWN', '']);
    assert.match(error.do!, /Use one of: orders/);
  });

  test('a port in use is exit 6, and what had been started before it is stopped', async () => {
    const taken = createServer();
    const port = Number(env.SHOP_PORT) + 10;
    await new Promise<void>((done) => taken.listen(port, '127.0.0.1', done));
    try {
      assertError(await run('run --role service --domain orders'), 6, [
        new RegExp(`PORT_IN_USE.*127.0.0.1:${port}`),
      ]);
      assertError(await run('dev'), 6, [/PORT_IN_USE/, /EADDRINUSE/, /set another port in the config/]);
    } finally {
      await new Promise((done) => taken.close(done));
    }
  });
});

describe('a source that is not ready', () => {
  let postgres: EmbeddedPostgres;
  let admin: PostgresClient;

  async function start(settings: Readonly<Record<string, string>>): Promise<void> {
    postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), settings });
    admin = await connectPostgres(postgres.url(), { applicationName: 'test' });
  }
  async function stop(): Promise<void> {
    await admin?.end();
    await postgres?.stop();
  }
  after(stop);

  /** Neither at the source nor in the log. */
  async function assertNothingDone(): Promise<void> {
    const [found] = await queryText(
      admin,
      'SELECT (SELECT count(*) FROM pg_replication_slots) AS slots, (SELECT count(*) FROM pg_publication) AS publications',
    );
    assert.deepEqual({ ...found }, { slots: '0', publications: '0' });
    const { stdout } = await run('status --json');
    assert.match(stdout, /"route":\{"stage":"mapped"/);
  }

  async function assertPromoteRefused(reason: RegExp): Promise<void> {
    const { code, stdout, stderr } = await run('promote orders');
    assert.match(stdout, /orders stays mapped: 1 gate is not met/);
    assert.match(stdout, reason);
    assert.match(stdout, /banyan doctor/);
    assert.equal(code, 3, stderr);
    await assertNothingDone();
  }

  test('wal_level that is not logical: doctor says the SQL, promote is refused, and that SQL mends it', async () => {
    await start({ wal_level: 'replica' });
    await admin.query(ORDERS);
    env.SHOP_URL = postgres.url();
    const { code, stdout } = await run('doctor');
    assert.equal(code, 3);
    assert.match(stdout, /✗ wal_level is replica/);
    const [sql] = /ALTER SYSTEM SET wal_level = 'logical'/.exec(stdout)!;
    await assertPromoteRefused(/wal_level is replica/);
    await admin.query(sql);
    // What a restart would take; this server's own flag stands above the file, so the next one is given it too.
    const [set] = await queryText(admin, "SELECT setting FROM pg_file_settings WHERE name = 'wal_level'");
    assert.equal(set!.setting, 'logical');
    await stop();
    await start({ wal_level: set!.setting! });
    env.SHOP_URL = postgres.url();
    assert.equal((await run('doctor')).code, 0);
  });

  test('missing privileges: each with the SQL that grants it, and no half of the way is gone', async () => {
    await admin.query("CREATE ROLE capturer LOGIN PASSWORD 'secret'");
    const url = new URL(postgres.url());
    Object.assign(url, { username: 'capturer', password: 'secret' });
    env.SHOP_URL = url.href;
    await assertPromoteRefused(
      /role capturer may not replicate; role capturer may not create a publication; .*not read orders/,
    );
    const { stdout, code } = await run('doctor --json');
    assert.equal(code, 3);
    const { data } = JSON.parse(stdout) as { data: readonly { level: string; sql?: string }[] };
    const blocking = data.filter(({ level }) => level === 'blocking');
    assert.equal(blocking.length, 4, JSON.stringify(blocking));
    for (const { sql } of blocking) await admin.query(sql!);
    assert.equal((await run('doctor')).code, 0);
    const moved = await run('promote orders --to capturing');
    assert.equal(moved.code, 0, moved.stderr);
    assert.match(moved.stdout, /orders is capturing/);
  });
});
