// What the definition functions refuse when they are called, word for word, and the plain shapes that they return.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  BanyanError,
  bigint,
  bool,
  defineDomain,
  defineEvents,
  defineSource,
  instant,
  int,
  json,
  oneOf,
  table,
  text,
} from 'banyan';
import { z } from 'zod';
import { orderEvents, orders, shop } from './shop.ts';

type Refusal = readonly [message: string, at: string | undefined, remedy: string];

function refusalOf(define: () => unknown): Refusal {
  try {
    define();
  } catch (error) {
    assert.ok(error instanceof BanyanError, String(error));
    assert.equal(error.code, 'CONFIG_INVALID');
    return [error.message, error.at, error.remedy];
  }
  return assert.fail('it was accepted');
}

test('a source whose key is not made of its columns is refused', () => {
  const source = (key: readonly string[]) => () =>
    defineSource({
      name: 'shop',
      tables: { orders: { key: key as readonly ['id'], columns: { id: text() } } },
    });
  const remedy = 'Set `key` of orders to the columns of its primary key.';
  assert.deepEqual(refusalOf(source(['id', 'idd', 'no'])), [
    'Table orders has no column idd, no, which its key names',
    'source shop',
    remedy,
  ]);
  assert.deepEqual(refusalOf(source([])), ['Table orders has an empty key', 'source shop', remedy]);
});

test('an event is refused without a name in PascalCase or a schema', () => {
  assert.deepEqual(
    refusalOf(() => defineEvents({ orderPlaced: z.object({}) })),
    [
      'An event cannot be called "orderPlaced"',
      undefined,
      'Name events in PascalCase and the past tense: PostPublished.',
    ],
  );
  assert.deepEqual(
    refusalOf(() => defineEvents({ OrderPlaced: { type: 'object' } as never })),
    [
      'Event OrderPlaced has no schema',
      undefined,
      'Give it a schema of a Standard Schema library: Zod, Valibot, ArkType …',
    ],
  );
});

test('a table is refused without a key, and when its key or an index names a column that it does not have', () => {
  const columns = { id: text(), total: int() };
  const remedy = 'Columns are plain identifiers; `key` and `indexes` name columns of the table.';
  const cases: readonly (readonly [() => unknown, string])[] = [
    [() => table({ key: [], columns }), 'A table needs a key'],
    [() => table({ key: ['idd' as 'id'], columns }), 'There is no column idd, which a key or an index names'],
    [
      () => table({ key: ['id'], columns, indexes: [['total'], ['sum' as 'total']] }),
      'There is no column sum, which a key or an index names',
    ],
    [
      () => table({ key: ['id'], columns: { ...columns, 'placed at': text() } }),
      '"placed at" cannot be the name of a column',
    ],
  ];
  for (const [define, message] of cases) assert.deepEqual(refusalOf(define), [message, undefined, remedy]);
});

test('a domain is refused when a part of it names what is not there, or names something twice', () => {
  const valid = {
    name: 'orders',
    source: shop,
    events: orderEvents,
    capture: {},
    projection: { version: 1, tables: {}, on: {} },
    queries: {},
    commands: [],
  };
  const query = (): null => null;
  const route = 'Write a method, a space and a path: `GET /api/posts/:slug`.';
  const tables = 'Use letters, digits and _; names that begin with banyan_ or sqlite_ are taken.';
  const cases: readonly (readonly [part: object, message: string, remedy: string])[] = [
    [{ name: 'My orders' }, 'A domain cannot be called "My orders"', 'Use lower-case letters, digits and -.'],
    [
      { projection: { ...valid.projection, on: { OrderShipped: query } } },
      'The projection handles OrderShipped, which no catalogue has',
      'Add its catalogue to `listensTo`.',
    ],
    [
      { projection: { ...valid.projection, tables: { banyan_checkpoint: {} } } },
      'A table cannot be called "banyan_checkpoint"',
      tables,
    ],
    [
      { projection: { ...valid.projection, tables: { 'order lines': {} } } },
      'A table cannot be called "order lines"',
      tables,
    ],
    [
      { capture: { returns: {} } },
      'It captures returns, which the source does not declare',
      'Declare returns in defineSource.',
    ],
    [{ queries: { '/orders': query } }, '"/orders" is no route', route],
    [{ queries: { 'GET orders': query } }, '"GET orders" is no route', route],
    [{ queries: { 'GET /orders?all': query } }, '"GET /orders?all" is no route', route],
    [{ commands: ['post /orders'] }, '"post /orders" is no route', route],
    [
      { commands: ['POST /orders', 'POST /orders'] },
      'It has the route POST /orders twice',
      'Name each route once.',
    ],
    [
      { queries: { 'GET /orders/:id': query, 'GET /orders/:number': query } },
      'It has the route GET /orders/:number twice, also as GET /orders/:id',
      'Name each route once.',
    ],
    [
      { queries: { 'POST /orders': query } },
      'The query POST /orders is no GET',
      'Queries only read; list it under `commands` if it changes something.',
    ],
  ];
  for (const [part, message, remedy] of cases) {
    const input = { ...valid, ...part };
    const at = `domain ${input.name}`;
    assert.deepEqual(
      refusalOf(() => defineDomain(input as never)),
      [message, at, remedy],
    );
  }
  assert.equal(defineDomain(valid).name, 'orders');
});

test('a handler may listen to events of another domain, once their catalogue is named', () => {
  const domain = defineDomain({
    name: 'shipping',
    source: shop,
    events: defineEvents({ ParcelSent: z.object({}) }),
    listensTo: [orderEvents],
    capture: {},
    projection: { version: 1, tables: {}, on: { OrderPlaced: () => undefined, ParcelSent: () => undefined } },
    queries: {},
    commands: [],
  });
  assert.deepEqual(Object.keys(domain.projection.on), ['OrderPlaced', 'ParcelSent']);
  assert.deepEqual(domain.listensTo, [orderEvents]);
});

test('a source says which of its tables it means: public and the same name, unless told otherwise', () => {
  const { tables } = defineSource({
    name: 'shop',
    tables: {
      orders: { key: ['id'], columns: { id: bigint(), placed: instant().nullable() } },
      lines: { schema: 'sales', table: 'order_lines', key: ['a', 'b'], columns: { a: int(), b: int() } },
    },
  });
  assert.deepEqual(tables.orders, {
    schema: 'public',
    table: 'orders',
    key: ['id'],
    columns: { id: { kind: 'bigint', isNullable: false }, placed: { kind: 'instant', isNullable: true } },
  });
  assert.deepEqual([tables.lines?.schema, tables.lines?.table], ['sales', 'order_lines']);
});

test('a table keeps what has no number or flag of its own as text, and knows what fills a missing column', () => {
  const columns = {
    big: bigint(),
    when: instant(),
    state: oneOf('open', 'closed').defaultsTo('open'),
    count: int().defaultsTo(0),
    flag: bool(),
    extra: json().nullable(),
  };
  const kept = (kind: string, isNullable: boolean, value?: unknown): object => ({
    kind,
    isNullable,
    default: value,
  });
  assert.deepEqual(table({ key: ['big'], columns, indexes: [['when', 'count']] }), {
    key: ['big'],
    columns: {
      big: kept('text', false),
      when: kept('text', false),
      state: kept('text', false, 'open'),
      count: kept('int', false, 0),
      flag: kept('bool', false),
      extra: kept('json', true, null),
    },
    indexes: [['when', 'count']],
  });
});

test('a query may name what comparison leaves out', () => {
  const domain = defineDomain({
    name: 'clock',
    source: shop,
    events: orderEvents,
    capture: {},
    projection: { version: 1, tables: {}, on: {} },
    queries: { 'GET /now': { answer: () => ({ at: 1 }), ignore: ['$.at'] } },
    commands: [],
  });
  assert.deepEqual(domain.queries['GET /now']?.ignore, ['$.at']);
  assert.deepEqual(orders.queries['GET /orders/:id']?.ignore, []);
});
