// A small shop's config, as the tests of the command line run it: where everything is comes from the environment.
import { defineConfig } from 'banyan';
import { orders } from '../domain/shop.ts';

const { SHOP_URL, SHOP_DATA_DIR, SHOP_PORT, SHOP_MAPPING, SHOP_HANDLER, SHOP_LOG_URL } = process.env;
const port = Number(SHOP_PORT);
const mapping = orders.capture.tables.orders!;

/** As mappings go wrong: one throws on what its author did not expect, one makes an event that breaks its own schema. */
const insert: typeof mapping.insert = (emit, row) => {
  if (row.customer === 'Nobody') throw new Error('an order needs a customer');
  if (row.customer === 'Numberless') return emit.OrderPlaced!({ orderId: row.id } as never);
  return mapping.insert(emit, row);
};
const broken = {
  ...orders,
  capture: { ...orders.capture, tables: { orders: { ...mapping, insert, backfill: insert } } },
};

/** A handler that does not know what to do with one customer's orders. */
const place = orders.projection.on.OrderPlaced!;
const picky = {
  ...orders,
  projection: {
    ...orders.projection,
    on: {
      ...orders.projection.on,
      OrderPlaced: ((event, tables) => {
        const { customer } = event.data as { readonly customer: string };
        if (customer === 'Eve') throw new TypeError('Eve is nobody’s customer');
        return place(event, tables);
      }) satisfies typeof place,
    },
  },
};

export default defineConfig({
  name: 'shop',
  source: { url: SHOP_URL },
  dataDir: SHOP_DATA_DIR!,
  ...(SHOP_LOG_URL === undefined ? {} : { log: { url: SHOP_LOG_URL } }),
  gateway: { port, monolith: 'http://127.0.0.1:9' },
  domains: [SHOP_MAPPING === 'broken' ? broken : SHOP_HANDLER === 'picky' ? picky : orders],
  services: { orders: { port: port + 10 } },
});
