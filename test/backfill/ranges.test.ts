// Ranges of keys on a real PostgreSQL: whatever the key's type and however the server orders it, the ranges cover every row
// once.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { postgresRowSource } from '../../src/backfill/postgres/postgres-row-source.ts';
import type { RowSource } from '../../src/backfill/row-source.ts';
import type { SourceTable } from '../../src/domain/source-schema.ts';
import { connectPostgres, type PostgresClient } from '../../src/postgres/connect.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const ROWS = 350;
/** Columns of the key with their values for `g` = 1 … 350. */
const KEYS: readonly (readonly [
  what: string,
  columns: readonly (readonly [type: string, value: string])[],
])[] = [
  ['whole numbers, also below zero', [['int', 'g - 100']]],
  ['numbers beyond 2^53', [['int8', '9007199254740993 + g']]],
  ['numerics with NaN', [['numeric', "CASE WHEN g = 7 THEN 'NaN' ELSE g / 7.0 END"]]],
  [
    'floats with infinities',
    [['float8', "CASE g WHEN 1 THEN '-Infinity' WHEN 2 THEN 'NaN' ELSE g / 3.0 END"]],
  ],
  ['uuids', [['uuid', 'md5(g::text)::uuid']]],
  [
    'instants a microsecond apart',
    [['timestamptz', "'2026-01-01'::timestamptz + g * interval '1 microsecond'"]],
  ],
  ['days before Christ', [['date', "'0001-01-10 BC'::date + g"]]],
  ['text by its bytes', [['text COLLATE "C"', 'chr(200 + g) || g']]],
  [
    "text in a language's order",
    [['text COLLATE "und-x-icu"', "CASE WHEN g % 2 = 0 THEN upper('é' || g) ELSE 'e' || g END"]],
  ],
  [
    'text where case does not count',
    [['text COLLATE caseless', "CASE WHEN g % 2 = 0 THEN 'A' ELSE 'a' END || g"]],
  ],
  ['text with quotes, spaces and nothing', [['text', `CASE g WHEN 1 THEN '' ELSE E' "\\'\\\\,' || g END`]]],
  ['padded text', [['char(8)', "'k' || g"]]],
  ['bytes', [['bytea', "decode(md5(g::text), 'hex')"]]],
  [
    'truth and a number',
    [
      ['bool', 'g % 2 = 0'],
      ['int', 'g'],
    ],
  ],
  [
    'three columns, few values in the first',
    [
      ['text', "'t' || g % 3"],
      ['date', "'2026-01-01'::date + g % 5"],
      ['int', '-g'],
    ],
  ],
];

suite('ranges', () => {
  let postgres: EmbeddedPostgres;
  let db: PostgresClient;
  let rows: RowSource;
  before(async () => {
    postgres = await startEmbeddedPostgres({ dataDir: scratchFolder('ranges'), ephemeral: true });
    db = await connectPostgres(postgres.url(), { applicationName: 'test' });
    await db.query(
      "CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    );
    rows = postgresRowSource({ url: postgres.url(), size: 2 });
  });
  after(async () => {
    await rows?.[Symbol.asyncDispose]();
    await db?.end();
    await postgres?.stop();
  });

  for (const [index, [what, columns]] of KEYS.entries()) {
    test(`a key of ${what}`, async () => {
      const names = columns.map((_, place) => `Key ${place}`);
      const quoted = names.map((name) => `"${name}"`);
      const declared = columns.map(([type], place) => `${quoted[place]} ${type} NOT NULL`).join(', ');
      await db.query(`CREATE TABLE "T ${index}" ("no" int, ${declared}, PRIMARY KEY (${quoted.join(', ')}))`);
      await db.query(
        `INSERT INTO "T ${index}" SELECT g, ${columns.map(([, value]) => value).join(', ')} FROM generate_series(1, ${ROWS}) g`,
      );
      const kind = { kind: 'text', isNullable: true } as const;
      const table: SourceTable = {
        ...{ schema: 'public', table: `T ${index}`, key: names },
        columns: Object.fromEntries(['no', ...names].map((name) => [name, kind])),
      };
      const plan = await rows.plan(table, 1);
      assert.deepEqual([plan.rows, plan.isEstimate, plan.uppers.length], [ROWS, false, 4]);
      const seen: number[] = [];
      for (const [chunk, upper] of plan.uppers.entries()) {
        const read = await rows.read(table, plan.uppers[chunk - 1], upper);
        assert.ok(read.rows.length > 0 && read.rows.length <= 100, `${read.rows.length} rows`);
        assert.match(read.snapshot, /^\d+:\d+:/);
        seen.push(...read.rows.map(([no]) => Number(no)));
      }
      assert.deepEqual(
        seen.sort((a, b) => a - b),
        Array.from({ length: ROWS }, (_, at) => at + 1),
      );
    });
  }

  test('a large table is sampled instead of counted: the ranges still cover every row once', async () => {
    await db.query('CREATE TABLE large (a int, b text, PRIMARY KEY (b, a))');
    await db.query("INSERT INTO large SELECT g, 'b' || g % 7 FROM generate_series(1, 60000) g");
    await db.query("UPDATE pg_class SET reltuples = 3000000 WHERE relname = 'large'");
    const kind = { kind: 'text', isNullable: false } as const;
    const table: SourceTable = {
      ...{ schema: 'public', table: 'large', key: ['b', 'a'] },
      columns: { a: kind, b: kind },
    };
    const { uppers, rows: estimate, isEstimate } = await rows.plan(table, 1_000);
    assert.deepEqual([estimate, isEstimate], [3_000_000, true]);
    const read: (string | null)[] = [];
    for (const [chunk, upper] of uppers.entries())
      read.push(...(await rows.read(table, uppers[chunk - 1], upper)).rows.map(([a]) => a!));
    assert.deepEqual([read.length, new Set(read).size], [60_000, 60_000]);
  });

  test('an empty table has no range, a row beyond the last range is left to the log, and a range may be empty', async () => {
    await db.query('CREATE TABLE few (id int PRIMARY KEY)');
    const columns = { id: { kind: 'int', isNullable: false } } as const;
    const table: SourceTable = { schema: 'public', table: 'few', key: ['id'], columns };
    assert.deepEqual(await rows.plan(table, 1), { uppers: [], rows: 0, isEstimate: false });
    await db.query('INSERT INTO few VALUES (5)');
    const { uppers } = await rows.plan(table, 1);
    assert.deepEqual(uppers, [['5']]);
    await db.query('INSERT INTO few VALUES (6)');
    assert.deepEqual((await rows.read(table, undefined, ['5'])).rows, [['5']]);
    await db.query('DELETE FROM few');
    const read = await rows.read(table, undefined, ['5']);
    assert.deepEqual([read.rows, read.columns], [[], ['id']]);
    assert.match(read.snapshot, /^\d+:\d+:/);
  });
});
