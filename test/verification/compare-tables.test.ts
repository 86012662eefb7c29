// Two tables merged in key order: what is missing, too many or different is named by key, and nothing else is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Row, StoreTable } from '../../src/domain/domain.ts';
import { compareTables } from '../../src/verification/compare-tables.ts';

const column = (kind: 'int' | 'text' | 'json') => ({ kind, isNullable: true, default: null });
const TABLE: StoreTable = {
  key: ['city', 'number'],
  columns: { city: column('text'), number: column('int'), name: column('text'), extra: column('json') },
  indexes: [],
};

/** Pages of `size` rows in key order, as a store gives them. */
function pages(rows: readonly Row[], size: number): (after: Row | undefined) => Promise<readonly Row[]> {
  const sorted = [...rows].sort(byKey);
  return async (after) => sorted.filter((row) => !after || byKey(row, after) > 0).slice(0, size);
}

function byKey(a: Row, b: Row): number {
  const city = Buffer.compare(Buffer.from(String(a.city)), Buffer.from(String(b.city)));
  return city !== 0 ? city : Number(a.number) - Number(b.number);
}

const compare = (left: readonly Row[], right: readonly Row[], size = 2) =>
  compareTables('houses', TABLE, pages(left, size), pages(right, size));
const row = (city: string, number: number, rest: Row = {}): Row => ({
  city,
  number,
  name: 'x',
  extra: null,
  ...rest,
});

test('equal tables have no difference, and every row counts', async () => {
  const rows = [row('a', 2), row('a', 10), row('B', 1), row('é', 1), row('z', 1)];
  assert.deepEqual(await compare(rows, rows), { table: 'houses', rows: 5, rowsDiffering: 0, samples: [] });
  assert.deepEqual(await compare([], []), { table: 'houses', rows: 0, rowsDiffering: 0, samples: [] });
});

test('a missing row, an extra one and a changed value are named by table and key, never by a value', async () => {
  const left = [row('a', 2), row('a', 10, { name: 'secret' }), row('c', 1), row('d', 1)];
  const right = [
    row('a', 10, { name: 'hidden', extra: { is: 'secret' } }),
    row('b', 1),
    row('c', 1),
    row('e', 1),
  ];
  const { rows, rowsDiffering, samples } = await compare(left, right);
  assert.deepEqual({ rows, rowsDiffering }, { rows: 6, rowsDiffering: 5 });
  assert.deepEqual(samples, [
    { table: 'houses', key: 'a, 2', difference: 'missing in the store' },
    { table: 'houses', key: 'a, 10', difference: 'differs in name, extra' },
    { table: 'houses', key: 'b, 1', difference: 'in the store, but not at the source' },
    { table: 'houses', key: 'd, 1', difference: 'missing in the store' },
    { table: 'houses', key: 'e, 1', difference: 'in the store, but not at the source' },
  ]);
});

test('NULL, empty text, zero and text that looks like a number are different values', async () => {
  for (const [left, right] of [
    [null, ''],
    ['0', 0],
    [0, null],
    [false, 0],
    [[], {}],
    ['null', null],
  ]) {
    const { samples } = await compare([row('a', 1, { extra: left })], [row('a', 1, { extra: right })]);
    assert.deepEqual(
      samples.map(({ difference }) => difference),
      ['differs in extra'],
    );
  }
});

test('keys beside the ends of pages, beyond the ASCII letters and beyond the samples are compared too', async () => {
  const many = Array.from({ length: 50 }, (_, index) => row(index % 2 ? '🐢' : '\uffff', index));
  const { rows, rowsDiffering, samples } = await compare(many, [], 7);
  assert.deepEqual([rows, rowsDiffering, samples.length], [50, 50, 20]);
});

test('whatever the rows and the pages, it finds exactly the keys that differ', () =>
  fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(fc.constantFrom('a', 'B', 'é', '🐢', ''), fc.integer({ min: -3, max: 12 })), {
        selector: ([city, number]) => `${city} ${number}`,
        maxLength: 20,
      }),
      fc.array(fc.constantFrom('same', 'left', 'right', 'changed'), { minLength: 20, maxLength: 20 }),
      fc.integer({ min: 1, max: 6 }),
      async (keys, fates, size) => {
        const fated = keys.map(([city, number], index) => ({ row: row(city, number), fate: fates[index]! }));
        const left = fated.filter(({ fate }) => fate !== 'right').map((one) => one.row);
        const right = fated
          .filter(({ fate }) => fate !== 'left')
          .map((one) => (one.fate === 'changed' ? { ...one.row, name: 'y' } : one.row));
        const { rows, samples } = await compare(left, right, size);
        assert.equal(rows, keys.length);
        assert.deepEqual(
          samples.map(({ key }) => key).sort(),
          fated
            .filter(({ fate }) => fate !== 'same')
            .map((one) => `${one.row.city}, ${one.row.number}`)
            .sort(),
        );
      },
    ),
  ));
