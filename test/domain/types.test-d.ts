// The types of the definition API, checked by the compiler alone: what is inferred, what is accepted, and, by
// `@ts-expect-error`, what is not.
import {
  bigint,
  bool,
  defineDomain,
  defineEvents,
  defineSource,
  type EmitOf,
  type EventOf,
  float,
  instant,
  int,
  json,
  type OutputOf,
  oneOf,
  type ReaderOf,
  type RowIn,
  reply,
  type TableRow,
  table,
  text,
  type Writer,
} from 'banyan';
import { z } from 'zod';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? 'same' : 'different';
/** Compiles when both types are one. */
const is = <A, B>(_: Same<A, B>): void => undefined;

// @ts-expect-error: and only then.
is<string, 'a'>('same');

const shop = defineSource({
  name: 'shop',
  tables: {
    orders: {
      key: ['id'],
      columns: {
        id: bigint(),
        state: oneOf('open', 'paid'),
        lines: int(),
        weight: float().nullable(),
        paid: bool(),
        at: instant(),
        extra: json(),
        note: text().nullable(),
      },
    },
  },
});

is<
  RowIn<typeof shop, 'orders'>,
  {
    readonly id: string;
    readonly state: 'open' | 'paid';
    readonly lines: number;
    readonly weight: number | null;
    readonly paid: boolean;
    readonly at: string;
    readonly extra: unknown;
    readonly note: string | null;
  }
>('same');

const orderEvents = defineEvents({
  OrderPlaced: z.object({ id: z.string(), lines: z.string().transform(Number) }),
  OrderPaid: z.object({ id: z.string(), by: z.enum(['card', 'cash']) }),
});
const parcelEvents = defineEvents({ ParcelSent: z.object({ order: z.string(), weight: z.number() }) });

// What is emitted is a schema's input; what handlers get is its output.
is<Parameters<EmitOf<typeof orderEvents>['OrderPlaced']>[0], { id: string; lines: string }>('same');
is<OutputOf<typeof orderEvents.OrderPlaced>, { id: string; lines: number }>('same');
is<EventOf<{ id: string }>['data'], { id: string }>('same');

const tables = {
  orders: table({
    key: ['id'],
    columns: { id: text(), lines: int(), by: oneOf('card', 'cash').nullable(), at: instant() },
    indexes: [['by', 'at']],
  }),
  claps: table({
    key: ['post', 'member'],
    columns: { post: text(), member: int(), count: int().defaultsTo(0) },
  }),
};
is<
  TableRow<typeof tables.orders>,
  {
    readonly id: string;
    readonly lines: number;
    readonly by: 'card' | 'cash' | null;
    readonly at: string;
  }
>('same');

export const columns = [
  // @ts-expect-error: a default is of the column's type.
  int().defaultsTo('0'),
  // @ts-expect-error: and one of its values.
  oneOf('open', 'paid').defaultsTo('shut'),
  // @ts-expect-error: an index names columns.
  table({ key: ['id'], columns: { id: text() }, indexes: [['lines']] }),
];

export async function writers(orders: Writer<typeof tables.orders>, claps: Writer<typeof tables.claps>) {
  orders.patch({ id: 'a' }, { lines: 2 });
  orders.patch({ id: 'a' }, { by: null, at: '2026-11-24T08:00:00.000Z' });
  claps.increment({ post: 'a', member: 1 }, { count: 1 });
  // @ts-expect-error: all of the row is replaced, so all of it is given.
  orders.upsert({ id: 'a', lines: 2 });
  // @ts-expect-error: a patch leaves the key alone.
  orders.patch({ id: 'a' }, { id: 'b' });
  // @ts-expect-error: a value that the column does not have.
  orders.patch({ id: 'a' }, { by: 'cheque' });
  // @ts-expect-error: a key is whole.
  claps.delete({ post: 'a' });
  // @ts-expect-error: and of the right types.
  claps.delete({ post: 'a', member: '1' });
  // @ts-expect-error: text is not incremented.
  orders.increment({ id: 'a' }, { by: 1 });
  is<Awaited<ReturnType<typeof orders.get>>, TableRow<typeof tables.orders> | undefined>('same');
}

export async function readers(read: ReaderOf<typeof tables>) {
  const found = await read.all('SELECT count(*) AS n, min(at) AS first FROM orders', [], {
    n: int(),
    first: instant().nullable(),
  });
  is<typeof found, readonly { readonly n: number; readonly first: string | null }[]>('same');
  // @ts-expect-error: what comes back is said, so that it has types.
  await read.all('SELECT 1', []);
  // @ts-expect-error: a table of the store.
  await read.get('parcels', { id: 'a' });
  // @ts-expect-error: by its key.
  await read.get('claps', { post: 'a' });
}

export const orders = defineDomain({
  name: 'orders',
  source: shop,
  events: orderEvents,
  listensTo: [parcelEvents],
  capture: {
    orders: {
      stream: (row) => `order-${row.id}`,
      // One event, several, nested, or none in any of the ways JavaScript says it.
      insert: (emit, row) => [
        emit.OrderPlaced({ id: row.id, lines: String(row.lines) }),
        row.state === 'paid' && [emit.OrderPaid({ id: row.id, by: 'card' })],
        null,
      ],
      update: (emit, row, before) =>
        row.paid && !before.paid ? emit.OrderPaid({ id: row.id, by: 'cash' }) : undefined,
      delete: () => false,
      // @ts-expect-error: an event is made by its constructor, so that a mistake in it is told at its place.
      backfill: (_emit, row) => ({ id: row.id, lines: row.lines }),
    },
  },
  projection: {
    version: 1,
    tables,
    on: {
      OrderPlaced: ({ data, position }, { orders: written }) => {
        is<typeof data, { id: string; lines: number }>('same');
        is<typeof position, number>('same');
        written.upsert({ id: data.id, lines: data.lines, by: null, at: '' });
      },
      OrderPaid: async ({ data }, { orders: written }) => {
        const order = await written.get({ id: data.id });
        if (order) written.patch({ id: data.id }, { by: data.by });
      },
      ParcelSent: ({ data }) => {
        is<typeof data, { order: string; weight: number }>('same');
      },
    },
  },
  queries: {
    'GET /shops/:shop/orders/:id': async ({ params, read, search, headers }) => {
      is<typeof params, { readonly shop: string } & { readonly id: string }>('same');
      is<(typeof headers)[string], string | undefined>('same');
      const order = await read.get('orders', { id: params.id });
      return order ?? reply(404, { error: search.get('why') });
    },
    'GET /orders': ({ params }) => {
      // @ts-expect-error: this route has no parameters.
      return params.id;
    },
  },
  commands: ['POST /orders'],
});

defineDomain({
  name: 'parcels',
  source: shop,
  events: parcelEvents,
  capture: {},
  projection: {
    version: 1,
    tables: {},
    on: {
      // @ts-expect-error: an event of a catalogue that it does not listen to.
      OrderPlaced: () => undefined,
    },
  },
  queries: {},
  commands: [],
});
