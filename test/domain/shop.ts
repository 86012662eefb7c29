// A small shop as a user would write it: correct, and the text that the typos of `typo.test.ts` are made in.
import { bigint, defineDomain, defineEvents, defineSource, int, table, text } from 'banyan';
import { z } from 'zod';

export const shop = defineSource({
  name: 'shop',
  tables: {
    orders: {
      key: ['id'],
      columns: { id: bigint(), customer: text(), total: int() },
    },
  },
});

export const orderEvents = defineEvents({
  OrderPlaced: z.object({ orderId: z.string(), customer: z.string(), total: z.number() }),
  OrderCancelled: z.object({ orderId: z.string() }),
});

export const orders = defineDomain({
  name: 'orders',
  source: shop,
  events: orderEvents,
  capture: {
    orders: {
      stream: (row) => `order-${row.id}`,
      insert: (emit, row) => emit.OrderPlaced({ orderId: row.id, customer: row.customer, total: row.total }),
      update: () => null,
      delete: (emit, before) => emit.OrderCancelled({ orderId: before.id }),
      backfill: (emit, row) =>
        emit.OrderPlaced({ orderId: row.id, customer: row.customer, total: row.total }),
    },
  },
  projection: {
    version: 1,
    tables: {
      orders: table({ key: ['id'], columns: { id: text(), total: int(), customer: text() } }),
      customers: table({ key: ['name'], columns: { name: text(), orders: int().defaultsTo(0) } }),
    },
    on: {
      OrderPlaced: ({ data }, tables) => {
        tables.orders.upsert({ id: data.orderId, total: data.total, customer: data.customer });
        tables.customers.increment({ name: data.customer }, { orders: 1 });
      },
      OrderCancelled: async ({ data: { orderId: id } }, tables) => {
        const order = await tables.orders.get({ id });
        if (order) tables.customers.increment({ name: order.customer }, { orders: -1 });
        tables.orders.delete({ id });
      },
    },
  },
  queries: {
    'GET /orders/:id': async ({ params, read }) => {
      const found = await read.get('orders', { id: params.id });
      return { total: found?.total ?? 0, id: params.id };
    },
  },
  commands: ['POST /orders'],
});
