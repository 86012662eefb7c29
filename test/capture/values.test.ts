// Values: through the write-ahead log, through a backfill and through a SELECT each has one text, byte for byte, whatever
// the server's settings are.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { postgresRowSource } from '../../src/backfill/postgres/postgres-row-source.ts';
import { queryArrays } from '../../src/postgres/connect.ts';
import { type CapturedSource, startCapturedSource } from '../support/captured-source.ts';

/** Type, SQL of a value, and its text; an absent text is only held to be the same on all three ways. */
const VALUES: readonly (readonly [type: string, sql: string, text?: string | null])[] = [
  ['int8', '9223372036854775807', '9223372036854775807'],
  ['int8', '-9007199254740993', '-9007199254740993'],
  ['int2', "'-32768'", '-32768'],
  ['oid', "'4294967295'", '4294967295'],
  [
    'numeric',
    '12345678901234567890.123456789012345678901234567890',
    '12345678901234567890.123456789012345678901234567890',
  ],
  ['numeric(10,4)', '1.5', '1.5000'],
  ['numeric', "'NaN'", 'NaN'],
  ['numeric', "'-Infinity'", '-Infinity'],
  ['numeric', "('1' || repeat('0', 1000))::numeric"],
  ['float8', '0.1', '0.1'],
  ['float8', '1e300', '1e+300'],
  ['float8', '0.30000000000000004', '0.30000000000000004'],
  ['float8', "'NaN'", 'NaN'],
  ['float8', "'Infinity'", 'Infinity'],
  ['float8', "'-0'", '-0'],
  ['float4', '0.3', '0.3'],
  ['money', '1234.56'],
  ['bool', 'true', 't'],
  ['timestamptz', "'2026-11-23 10:00:00.123456+03'", '2026-11-23 07:00:00.123456+00'],
  ['timestamptz', "'infinity'", 'infinity'],
  ['timestamptz', "'0044-03-15 12:00:00+00 BC'", '0044-03-15 12:00:00+00 BC'],
  ['timestamptz', "'12026-01-01 00:00:00+00'", '12026-01-01 00:00:00+00'],
  ['timestamp', "'2026-03-29 02:30:00.5'", '2026-03-29 02:30:00.5'],
  ['date', "'0044-03-15 BC'", '0044-03-15 BC'],
  ['date', "'2026-11-03'", '2026-11-03'],
  ['date', "'-infinity'", '-infinity'],
  ['time', "'24:00:00'", '24:00:00'],
  ['timetz', "'10:00:00.000001-08'", '10:00:00.000001-08'],
  ['interval', "'1 year 2 mons -3 days 04:05:06.789'", '1 year 2 mons -3 days +04:05:06.789'],
  ['text', "''", ''],
  ['text', 'NULL', null],
  ['text', `E'tab\\t newline\\n quote" back\\\\ \\u017c 🐢'`, 'tab\t newline\n quote" back\\ ż 🐢'],
  ['char(5)', "'ab'", 'ab   '],
  ['varchar(3)', "'abc'", 'abc'],
  ['bytea', `'\\x00ff5c27'`, '\\x00ff5c27'],
  ['bytea', "''", '\\x'],
  ['uuid', "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
  [
    'json',
    `'{"b": 1, "a":  12345678901234567890, "a": 1e400}'`,
    '{"b": 1, "a":  12345678901234567890, "a": 1e400}',
  ],
  ['jsonb', `'{"b": 1, "a":  12345678901234567890}'`, '{"a": 12345678901234567890, "b": 1}'],
  ['int[]', "'{{1,2},{3,NULL}}'", '{{1,2},{3,NULL}}'],
  ['text[]', `ARRAY['a"b', 'c,d', NULL, 'NULL', '', 'e\\f']`, '{"a\\"b","c,d",NULL,"NULL","","e\\\\f"}'],
  ['int[]', "'[0:1]={1,2}'", '[0:1]={1,2}'],
  ['timestamptz[]', "ARRAY['2026-11-23 10:00+02'::timestamptz]", '{"2026-11-23 08:00:00+00"}'],
  ['bytea[]', `ARRAY['\\x00'::bytea]`, '{"\\\\x00"}'],
  ['int4range', "'(1,5]'", '[2,6)'],
  ['tstzrange', "'[2026-01-01 00:00+00,)'", '["2026-01-01 00:00:00+00",)'],
  ['int4multirange', "'{[1,2],[5,6]}'", '{[1,3),[5,7)}'],
  ['mood', "'sad'", 'sad'],
  ['amount', '7.50', '7.50'],
  ['point3', "ROW(1, 'a,b', NULL)", '(1,"a,b",)'],
  ['bit(5)', "B'10101'", '10101'],
  ['bit varying', "B'1'", '1'],
  ['inet', "'::ffff:1.2.3.4/96'"],
  ['macaddr', "'08:00:2b:01:02:03'", '08:00:2b:01:02:03'],
  ['tsvector', "'a fat cat:2 cat:5B'", "'a' 'cat':2,5B 'fat'"],
  ['point', "'(0.1,-2)'", '(0.1,-2)'],
];

suite('one text for a value', () => {
  let source: CapturedSource;
  before(async () => {
    source = await startCapturedSource('values');
    // What a server, a database or a role may have set: connections of ours do not listen.
    for (const setting of [
      ...["datestyle = 'SQL, DMY'", "timezone = 'Asia/Kathmandu'", "intervalstyle = 'iso_8601'"],
      ...["bytea_output = 'escape'", 'extra_float_digits = -3', "client_encoding = 'LATIN1'"],
    ]) {
      await source.query(`ALTER ROLE postgres SET ${setting}`);
      await source.query(`ALTER DATABASE postgres SET ${setting}`);
    }
    await source.query("CREATE TYPE mood AS ENUM ('sad', 'glad')");
    await source.query('CREATE DOMAIN amount AS numeric(10,2)');
    await source.query('CREATE TYPE point3 AS (a int, b text, c text)');
    const columns = VALUES.map(([type], index) => `v${index} ${type}`);
    await source.query(`CREATE TABLE valued (id int PRIMARY KEY, ${columns.join(', ')})`);
    await source.publish('valued');
    source.start();
  });
  after(() => source?.[Symbol.asyncDispose]());

  test('the write-ahead log, a backfill and a SELECT give the same bytes, and the expected ones', async () => {
    const [transaction] = await source.capturedBy(() =>
      source.query(`INSERT INTO valued VALUES (1, ${VALUES.map(([, sql]) => sql).join(', ')})`),
    );
    const [change] = transaction!.changes;
    assert.ok(change?.op === 'insert');
    const logged = change.row.slice(1);

    const [selected] = await queryArrays(source.db, 'SELECT * FROM valued');
    const columns = VALUES.map((_, index) => [`v${index}`, { kind: 'text', isNullable: true }] as const);
    await using rows = postgresRowSource({ url: source.target.url, size: 1 });
    const read = await rows.read(
      { schema: 'public', table: 'valued', key: ['id'], columns: Object.fromEntries(columns) },
      undefined,
      ['1'],
    );
    for (const [index, [type, sql, text]] of VALUES.entries()) {
      const about = `${type} ${sql}`;
      assert.equal(logged[index], selected![index + 1], about);
      assert.equal(read.rows[0]![index], logged[index], about);
      if (text !== undefined) assert.equal(logged[index], text, about);
    }
    assert.equal(read.rows.length, 1);
  });

  test('a value of an enum that was added in flight, and a large one, come as they are', async () => {
    const columnOf = (wanted: string): string => `v${VALUES.findIndex(([type]) => type === wanted)}`;
    const large = 'é'.repeat(3_000_000);
    const captured = await source.capturedBy(async () => {
      await source.query("ALTER TYPE mood ADD VALUE 'merry'");
      await source.query(`INSERT INTO valued (id, ${columnOf('mood')}) VALUES (2, 'merry')`);
      await source.query(`INSERT INTO valued (id, ${columnOf('text')}) VALUES (3, $1)`, [large]);
    });
    const sent = captured.flatMap(({ changes }) =>
      changes.flatMap((change) => ('row' in change ? [...change.row] : [])),
    );
    assert.deepEqual(
      sent.filter((value) => value !== null),
      ['2', 'merry', '3', large],
    );
  });
});
