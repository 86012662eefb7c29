// Transactions on a real PostgreSQL: whole, in commit order, only what was committed, each change with what the server
// sends of its rows.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { type SourceTransaction, UNCHANGED } from '../../src/capture/change.ts';
import { parseLsn } from '../../src/kernel/lsn.ts';
import { connectPostgres } from '../../src/postgres/connect.ts';
import { type CapturedSource, startCapturedSource } from '../support/captured-source.ts';

const LARGE = "(SELECT string_agg(md5(g::text), '') FROM generate_series(1, 200) g)";

suite('transactions', () => {
  let source: CapturedSource;
  before(async () => {
    source = await startCapturedSource('transactions', { settings: { max_prepared_transactions: '5' } });
    await source.query('CREATE TABLE items (id int PRIMARY KEY, name text, note text)');
    await source.query(
      'CREATE TABLE orders (a int, b text, item int REFERENCES items ON DELETE CASCADE, PRIMARY KEY (b, a))',
    );
    await source.query('CREATE TABLE whole (id int PRIMARY KEY, name text, note text)');
    await source.query('ALTER TABLE whole REPLICA IDENTITY FULL');
    await source.query('CREATE TABLE elsewhere (id int)');
    await source.publish('items', 'orders', 'whole');
    source.start();
  });
  after(() => source?.[Symbol.asyncDispose]());

  const captured = (...sql: readonly string[]): Promise<readonly SourceTransaction[]> =>
    source.capturedBy(async () => {
      for (const one of sql) await source.query(one);
    });

  /** `insert items 1,a,NULL`: each change in a line, an unchanged large value as `-`. */
  async function lines(transactions: readonly SourceTransaction[]): Promise<readonly string[]> {
    const tables = new Map(
      (await source.transactions()).flatMap((one) => one.relations.map(({ id, table }) => [id, table])),
    );
    const text = (row: readonly unknown[]): string =>
      row.map((value) => (value === UNCHANGED ? '-' : (value ?? 'NULL'))).join();
    return transactions.flatMap(({ changes }) =>
      changes.map((change) => {
        if (change.op === 'message') return `message ${change.prefix} ${change.content}`;
        if (change.op === 'truncate')
          return `truncate ${change.relations.map((id) => tables.get(id)).sort()}`;
        const rows = [
          ...('old' in change && change.old ? [text(change.old)] : []),
          ...('row' in change ? [text(change.row)] : []),
        ];
        return `${change.op} ${tables.get(change.relation)} ${rows.join(' -> ')}`;
      }),
    );
  }

  test('a transaction over several tables is one, its changes in the order that they were made', async () => {
    const all = await captured(
      'BEGIN',
      ...["INSERT INTO items VALUES (1, 'a')", "INSERT INTO orders VALUES (1, 'x', 1)"],
      ...[
        "UPDATE items SET name = 'b' WHERE id = 1",
        'INSERT INTO elsewhere VALUES (1)',
        'DELETE FROM items',
      ],
      'COMMIT',
    );
    assert.equal(all.length, 1);
    assert.deepEqual(await lines(all), [
      ...['insert items 1,a,NULL', 'insert orders 1,x,1', 'update items 1,b,NULL'],
      ...['delete items 1,NULL,NULL', 'delete orders 1,x,NULL'],
    ]);
    const [{ xid, commitLsn, endLsn, committedAt }] = all as [SourceTransaction];
    assert.ok(xid > 0 && parseLsn(commitLsn) < parseLsn(endLsn));
    assert.ok(Math.abs(Date.parse(committedAt) - Date.now()) < 60_000);
  });

  test('what was rolled back is not there: a transaction, a savepoint, a prepared one', async () => {
    const all = await captured(
      ...['BEGIN', "INSERT INTO items VALUES (10, 'gone')", 'ROLLBACK'],
      ...[
        'BEGIN',
        "INSERT INTO items VALUES (11, 'kept')",
        'SAVEPOINT s',
        "INSERT INTO items VALUES (12, 'gone')",
      ],
      ...['ROLLBACK TO s', 'SAVEPOINT t', "INSERT INTO items VALUES (13, 'kept')", 'RELEASE t', 'COMMIT'],
    );
    assert.deepEqual(await lines(all), ['insert items 11,kept,NULL', 'insert items 13,kept,NULL']);
    assert.equal(all.length, 1);
    const prepared = await captured(
      ...[
        'BEGIN',
        "INSERT INTO items VALUES (14, 'gone')",
        "PREPARE TRANSACTION 'p'",
        "ROLLBACK PREPARED 'p'",
      ],
      ...['BEGIN', "INSERT INTO items VALUES (15, 'kept')", "PREPARE TRANSACTION 'q'", "COMMIT PREPARED 'q'"],
    );
    assert.deepEqual(await lines(prepared), ['insert items 15,kept,NULL']);
  });

  test('transactions come in commit order, whichever began first', async () => {
    const other = await connectPostgres(source.target.url, { applicationName: 'other' });
    const all = await source.capturedBy(async () => {
      await other.query('BEGIN');
      await other.query("INSERT INTO items VALUES (20, 'first to begin')");
      await source.query("INSERT INTO items VALUES (21, 'first to commit')");
      await other.query("INSERT INTO items VALUES (22, 'late')");
      await other.query('COMMIT');
    });
    await other.end();
    assert.deepEqual(await lines(all), [
      ...[
        'insert items 21,first to commit,NULL',
        'insert items 20,first to begin,NULL',
        'insert items 22,late,NULL',
      ],
    ]);
    assert.ok(all[0]!.xid > all[1]!.xid);
    assert.ok(parseLsn(all[0]!.endLsn) < parseLsn(all[1]!.commitLsn));
  });

  test('a large value that was left alone is marked, never NULL; under REPLICA IDENTITY FULL the old row has it', async () => {
    const [{ large }] = (await source.query(`SELECT ${LARGE} AS large`)) as [{ large: string }];
    const all = await captured(
      ...[`INSERT INTO items VALUES (30, 'a', ${LARGE})`, "UPDATE items SET name = 'b' WHERE id = 30"],
      ...['UPDATE items SET note = NULL WHERE id = 30'],
      ...[`INSERT INTO whole VALUES (30, 'a', ${LARGE})`, "UPDATE whole SET name = 'b' WHERE id = 30"],
      'DELETE FROM whole',
    );
    assert.deepEqual(await lines(all), [
      ...[`insert items 30,a,${large}`, 'update items 30,b,-', 'update items 30,b,NULL'],
      ...[`insert whole 30,a,${large}`, `update whole 30,a,${large} -> 30,b,-`, `delete whole 30,b,${large}`],
    ]);
  });

  test('an update of the key has the old key; of a composite one all of it; an update that changes nothing is there', async () => {
    const all = await captured(
      ...[
        "INSERT INTO items VALUES (40, 'a', 'n')",
        'UPDATE items SET id = 41 WHERE id = 40',
        'UPDATE items SET id = 41 WHERE id = 41',
      ],
      ...[
        "INSERT INTO orders VALUES (4, 'k', 41)",
        "UPDATE orders SET b = 'l' WHERE a = 4",
        'UPDATE orders SET item = NULL WHERE a = 4',
      ],
    );
    assert.deepEqual(await lines(all), [
      ...['insert items 40,a,n', 'update items 40,NULL,NULL -> 41,a,n', 'update items 41,a,n'],
      ...['insert orders 4,k,41', 'update orders 4,k,NULL -> 4,l,41', 'update orders 4,l,NULL'],
    ]);
  });

  test('a truncate names all tables that it emptied', async () => {
    assert.deepEqual(await lines(await captured('TRUNCATE items CASCADE', 'TRUNCATE whole')), [
      'truncate items,orders',
      'truncate whole',
    ]);
  });

  test('transactional messages of ours stand in their place; others, and those outside a transaction, are left aside', async () => {
    const all = await captured(
      ...[
        'BEGIN',
        'INSERT INTO items VALUES (50)',
        "SELECT pg_logical_emit_message(true, 'banyan.note', 'in')",
      ],
      ...[
        "SELECT pg_logical_emit_message(false, 'banyan.note', 'outside')",
        'INSERT INTO items VALUES (51)',
        'COMMIT',
      ],
      "SELECT pg_logical_emit_message(false, 'banyan.note', 'alone')",
      "SELECT pg_logical_emit_message(true, 'foreign', 'theirs')",
      ...['BEGIN', "SELECT pg_logical_emit_message(true, 'banyan.note', 'rolled back')"],
      ...["SELECT pg_logical_emit_message(false, 'banyan.note', 'survives the rollback')", 'ROLLBACK'],
    );
    assert.deepEqual(await lines(all), [
      'insert items 50,NULL,NULL',
      'message banyan.note in',
      'insert items 51,NULL,NULL',
    ]);
  });

  test('rows of a table that changes its shape in flight have the shape of their moment', async () => {
    const all = await captured(
      "INSERT INTO items VALUES (60, 'a', 'n')",
      ...[
        'BEGIN',
        "UPDATE items SET name = 'b' WHERE id = 60",
        'ALTER TABLE items ADD COLUMN extra int DEFAULT 7',
      ],
      ...["INSERT INTO items VALUES (61, 'c', 'm', 8)", 'ALTER TABLE items DROP COLUMN note'],
      ...["UPDATE items SET name = 'd' WHERE id = 60", 'COMMIT'],
      ...['ALTER TABLE items RENAME COLUMN name TO title', "INSERT INTO items VALUES (62, 'e', 9)"],
    );
    const shaped = await Promise.all(
      all
        .flatMap(({ changes }) => changes)
        .map(async (change) => {
          assert.ok(change.op === 'insert' || change.op === 'update');
          const { columns } = await source.relation(change.relation);
          assert.equal(columns.length, change.row.length);
          return columns.map(({ name }, index) => `${name}=${change.row[index]}`).join();
        }),
    );
    assert.deepEqual(shaped, [
      ...['id=60,name=a,note=n', 'id=60,name=b,note=n', 'id=61,name=c,note=m,extra=8'],
      ...['id=60,name=d,extra=7', 'id=62,title=e,extra=9'],
    ]);
  });

  test('a hundred thousand rows in one transaction are one transaction', async () => {
    const all = await captured("INSERT INTO whole SELECT g, 'row ' || g FROM generate_series(100, 100099) g");
    assert.equal(all.length, 1);
    const ids = all[0]!.changes.map((change) => Number(change.op === 'insert' && change.row[0]));
    assert.deepEqual(
      ids,
      Array.from({ length: 100_000 }, (_, index) => index + 100),
    );
  });
});
