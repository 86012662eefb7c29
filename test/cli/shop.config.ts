// A small shop's config, as the tests of the command line run it: where everything is comes from the environment.
import { defineConfig } from 'banyan';
import { orders } from '../domain/shop.ts';

const { SHOP_URL, SHOP_DATA_DIR, SHOP_PORT, SHOP_MAPPING } = process.env;
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

export default defineConfig({
  name: 'shop',
  source: { url: SHOP_URL },
  dataDir: SHOP_DATA_DIR!,
  gateway: { port, monolith: 'http://127.0.0.1:9' },
  domains: [SHOP_MAPPING === 'broken' ? broken : orders],
  services: { orders: { port: port + 10 } },
});
