// The doctor on a real PostgreSQL: each thing that is wrong is found, nothing else is, and the SQL that it prints mends it.
// What it calls good can be captured: the role opens the source, publishes the table, copies it, and the monolith writes on.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { postgresRowSource } from '../../src/backfill/postgres/postgres-row-source.ts';
import { type Finding, inspectSource } from '../../src/capture/postgres/doctor.ts';
import { openSource } from '../../src/capture/postgres/open-source.ts';
import { addTables } from '../../src/capture/postgres/publication.ts';
import type { SourceSchema } from '../../src/domain/source-schema.ts';
import { createMemoryEventStore } from '../../src/event-store/memory/memory-event-store.ts';
import { connectPostgres, type PostgresClient } from '../../src/postgres/connect.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const SCHEMA: SourceSchema = {
  name: 'shop',
  tables: {
    orders: {
      ...{ schema: 'sales', table: 'Orders', key: ['id'] },
      columns: { id: { kind: 'int', isNullable: false }, note: { kind: 'text', isNullable: true } },
    },
  },
};

suite('the doctor', () => {
  const folder = scratchFolder('doctor');
  let postgres: EmbeddedPostgres;
  let db: PostgresClient;
  before(async () => {
    postgres = await startEmbeddedPostgres({
      dataDir: folder,
      ephemeral: true,
      settings: { max_slot_wal_keep_size: '1GB', max_prepared_transactions: '2' },
    });
    db = await connectPostgres(postgres.url(), { applicationName: 'test' });
    await db.query("CREATE ROLE banyan LOGIN PASSWORD 'banyan' REPLICATION");
    await db.query('CREATE SCHEMA sales');
    await db.query('GRANT USAGE ON SCHEMA sales TO banyan; GRANT CREATE ON DATABASE postgres TO banyan');
  });
  after(async () => {
    await db?.end();
    await postgres?.stop();
  });

  const asRole = (): string => {
    const url = new URL(postgres.url());
    url.username = 'banyan';
    url.password = 'banyan';
    return url.href;
  };
  const inspect = (url = asRole()): Promise<readonly Finding[]> =>
    inspectSource({ url, slot: 'banyan', source: SCHEMA });
  const wrong = async (): Promise<readonly string[]> =>
    (await inspect()).filter(({ level }) => level !== 'ok').map(({ check, level }) => `${check} ${level}`);

  /** Runs what the doctor prints, as an administrator would, until it prints nothing more. */
  async function mend(): Promise<void> {
    for (const { sql } of await inspect()) if (sql) await db.query(sql);
  }

  async function table(sql: string): Promise<void> {
    await db.query('GRANT USAGE ON SCHEMA sales TO banyan; DROP TABLE IF EXISTS sales."Orders" CASCADE');
    await db.query(`CREATE ${sql}; ALTER TABLE sales."Orders" OWNER TO banyan`);
  }

  /** The whole way that it said is open; the monolith's own writes go on. */
  async function assertCapturable(): Promise<void> {
    assert.deepEqual(await wrong(), []);
    const target = { url: asRole(), slot: 'banyan', publication: 'banyan', name: 'shop' };
    const changeLog = createMemoryEventStore();
    await openSource({ ...target, changeLog });
    const role = await connectPostgres(asRole(), { applicationName: 'test' });
    await addTables(role, 'banyan', [{ schema: 'sales', table: 'Orders' }]);
    await db.query(`INSERT INTO sales."Orders" (id, note) VALUES (1, 'a'), (2, 'b')`);
    await db.query(`UPDATE sales."Orders" SET note = 'c' WHERE id = 1`);
    await db.query('DELETE FROM sales."Orders" WHERE id = 2');
    await using rows = postgresRowSource({ url: asRole(), size: 1 });
    const read = await rows.read(SCHEMA.tables.orders!, undefined, ['9']);
    assert.deepEqual(read.rows, [['1', 'c']]);
    await role.query('DROP PUBLICATION banyan');
    await db.query("SELECT pg_drop_replication_slot('banyan')");
    await role.end();
  }

  test('a table that is as it should be is found good, and is', async () => {
    await table('TABLE sales."Orders" (id int PRIMARY KEY, note text)');
    const findings = await inspect();
    assert.deepEqual(
      findings.filter(({ sql }) => sql !== undefined),
      [],
    );
    assert.deepEqual(findings.at(-1), {
      check: 'table',
      level: 'ok',
      what: 'table orders can be captured',
      table: 'orders',
    });
    await assertCapturable();
  });

  const GOOD = 'TABLE sales."Orders" (id int PRIMARY KEY, note text)';
  const ORDERS = 'ALTER TABLE sales."Orders"';
  /** What is wrong, the SQL that makes it so, and what the doctor finds. */
  const MENDED: readonly (readonly [
    what: string,
    create: string,
    sql: string,
    ...found: readonly string[],
  ])[] = [
    ['a role that may not replicate', GOOD, 'ALTER ROLE banyan NOREPLICATION', 'replication blocking'],
    [
      'a role that may not create a publication',
      GOOD,
      'REVOKE CREATE ON DATABASE postgres FROM banyan',
      'publication blocking',
    ],
    [
      'a role that may not use the schema',
      GOOD,
      'REVOKE USAGE ON SCHEMA sales FROM banyan',
      'schema blocking',
    ],
    ["a table of somebody else's", GOOD, `${ORDERS} OWNER TO postgres`, 'select blocking', 'owner blocking'],
    [
      'a table without a primary key',
      'TABLE sales."Orders" (id int NOT NULL, note text)',
      '',
      'replica-identity blocking',
    ],
    [
      'a replica identity that is switched off',
      GOOD,
      `${ORDERS} REPLICA IDENTITY NOTHING`,
      'replica-identity blocking',
    ],
    [
      'a replica identity that leaves the key out',
      'TABLE sales."Orders" (id int PRIMARY KEY, note text NOT NULL UNIQUE)',
      `${ORDERS} REPLICA IDENTITY USING INDEX "Orders_note_key"`,
      'replica-identity blocking',
    ],
    [
      'a primary key that is checked only at commit',
      'TABLE sales."Orders" (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, note text)',
      '',
      'replica-identity blocking',
    ],
    [
      'a whole replica identity with a generated column, which is not published',
      'TABLE sales."Orders" (id int PRIMARY KEY, note text, twice int GENERATED ALWAYS AS (id * 2) STORED)',
      `${ORDERS} REPLICA IDENTITY FULL`,
      'replica-identity blocking',
    ],
    ['an unlogged table', `UNLOGGED ${GOOD}`, '', 'logged blocking'],
    [
      'row security that hides rows from the copy',
      GOOD,
      `${ORDERS} ENABLE ROW LEVEL SECURITY; ${ORDERS} FORCE ROW LEVEL SECURITY`,
      'row-security blocking',
    ],
  ];

  for (const [what, create, sql, ...found] of MENDED) {
    test(`${what} is found, and mended by the SQL that is printed`, async () => {
      await table(create);
      for (const one of sql.split('; ').filter(Boolean)) await db.query(one);
      assert.deepEqual(await wrong(), found);
      await mend();
      await assertCapturable();
    });
  }

  /** What no single statement mends: the config and the table say different things. */
  const TOLD: readonly (readonly [what: string, create: string, found: string])[] = [
    ['a table that is not there', 'SCHEMA IF NOT EXISTS elsewhere', 'table sales.Orders does not exist'],
    [
      'another key than the declared one',
      'TABLE sales."Orders" (id int, note text, PRIMARY KEY (note, id))',
      'the primary key of orders is (note,id), the config declares (id)',
    ],
    [
      'columns that are missing, or are not stored',
      'TABLE sales."Orders" (id int PRIMARY KEY, memo text, note text GENERATED ALWAYS AS (memo))',
      'table orders has no stored column note, which the config declares',
    ],
    [
      'a view',
      'VIEW sales."Orders" AS SELECT 1 AS id',
      'sales.Orders is no table whose changes the log has (kind v)',
    ],
  ];

  for (const [what, create, found] of TOLD) {
    test(`${what}: the doctor says so`, async () => {
      await db.query('DROP TABLE IF EXISTS sales."Orders" CASCADE');
      await db.query(`CREATE ${create}`);
      for (const kind of ['VIEW', 'TABLE'])
        await db.query(`ALTER ${kind} IF EXISTS sales."Orders" OWNER TO banyan`).catch(() => undefined);
      const findings = (await inspect()).filter(({ level }) => level !== 'ok');
      assert.deepEqual(
        findings.map(({ what }) => what),
        [found],
      );
      await db.query('DROP VIEW IF EXISTS sales."Orders"').catch(() => undefined);
    });
  }
});

test('a server that is not set up for capture: every setting is found, and the SQL sets it for the next start', async () => {
  await using postgres = await startEmbeddedPostgres({
    dataDir: scratchFolder('doctor-server'),
    ephemeral: true,
    settings: { wal_level: 'replica', max_replication_slots: '1', max_prepared_transactions: '2' },
  });
  const db = await connectPostgres(postgres.url(), { applicationName: 'test' });
  await db.query("SELECT pg_create_physical_replication_slot('standby')");
  await db.query('CREATE TABLE t (id int)');
  await db.query("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'p'");
  const findings = await inspectSource({
    url: postgres.url(),
    slot: 'banyan',
    source: { name: 'shop', tables: {} },
  });
  const wrong = findings.filter(({ level }) => level !== 'ok');
  assert.deepEqual(
    wrong.map(({ check, level }) => `${check} ${level}`),
    [...['wal-level blocking', 'slots blocking', 'wal-keep advice', 'prepared advice']],
  );
  for (const { sql } of wrong) for (const one of sql!.split('; ')) await db.query(one);
  const { rows } = await db.query(
    "SELECT name || '=' || setting AS line FROM pg_file_settings WHERE sourcefile LIKE '%auto.conf' ORDER BY name",
  );
  assert.deepEqual(
    (rows as { line: string }[]).map(({ line }) => line),
    [...['max_replication_slots=6', 'max_slot_wal_keep_size=20GB', 'wal_level=logical']],
  );
  await db.end();
});
