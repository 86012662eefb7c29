// The config: defaults filled in, and every mistake named by its setting, with what it should be.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { type ConfigInput, resolveConfig } from '../../src/app/config.ts';
import { loadConfig } from '../../src/app/load-config.ts';
import type { Domain } from '../../src/domain/domain.ts';
import { BanyanError } from '../../src/kernel/error.ts';

const folder = resolve(import.meta.dirname, '../../.data/test/config');
before(() => mkdirSync(folder, { recursive: true }));
after(() => rmSync(folder, { recursive: true, force: true }));

function domainNamed(
  name: string,
  tables: readonly string[],
  events: readonly string[],
  source = 'shop',
): Domain {
  const never = (): never => assert.fail('not called');
  const mapping = { stream: never, insert: never, update: never, delete: never, backfill: never };
  return {
    name,
    events: Object.fromEntries(
      events.map((event) => [event, { schema: {} as never, version: 1, upcasts: [] }]),
    ),
    capture: {
      source: { name: source, tables: {} },
      tables: Object.fromEntries(tables.map((table) => [table, mapping])),
    },
    listensTo: [],
    projection: { name, version: 1, tables: {}, on: {} },
    queries: {},
    commands: [],
  };
}

const valid: ConfigInput = {
  name: 'shop',
  source: { url: 'postgresql://capture:secret@db/shop' },
  gateway: { port: 4000, monolith: 'http://127.0.0.1:3000' },
  domains: [domainNamed('orders', ['orders'], ['OrderPlaced'])],
  services: { orders: { port: 4101 } },
};

const refusal = (input: unknown): BanyanError => {
  try {
    resolveConfig(input, 'banyan.config.ts', folder);
  } catch (error) {
    assert.ok(error instanceof BanyanError);
    assert.equal(error.code, 'CONFIG_INVALID');
    return error;
  }
  return assert.fail('the config was taken');
};

test('defaults are filled in', () => {
  const config = resolveConfig(valid, 'banyan.config.ts', folder);
  assert.deepEqual(config.source, { url: valid.source.url, slot: 'banyan_shop', publication: 'banyan_shop' });
  assert.equal(config.dataDir, join(folder, '.banyan'));
  assert.deepEqual(config.services.orders, { host: '127.0.0.1', port: 4101, controlPort: 5101 });
  assert.equal(config.capture.controlPort, 5001);
  assert.equal(config.gates.shadowComparisons, 200);
});

test('every mistake names its setting', () => {
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /`default export` is missing/],
    [{ ...valid, name: 'My Shop' }, /`name` is "My Shop"; expected lower-case/],
    [{ ...valid, source: { url: undefined } }, /`source.url` is missing; expected a URL/],
    [
      { ...valid, gateway: { ...valid.gateway, port: '4000' } },
      /`gateway.port` is "4000"; expected a TCP port/,
    ],
    [{ ...valid, gateway: { port: 4000 } }, /`gateway.monolith` is missing/],
    [{ ...valid, domains: [] }, /`domains` is an empty list/],
    [{ ...valid, domains: [{}] }, /`domains\[0\]` .* what `defineDomain` returns/],
    [{ ...valid, services: {} }, /`services.orders` is missing/],
    [
      { ...valid, services: { ...valid.services, order: { port: 1 } } },
      /`services.order` is "order"; expected the name of a domain/,
    ],
    [
      { ...valid, services: { orders: { port: 4000 } } },
      /`services.orders.port` is 4000; expected a port of its own/,
    ],
    [
      { ...valid, log: { url: 'nats://db' } },
      /`log.url` is "nats:\/\/db"; expected a URL such as postgresql/,
    ],
    [
      { ...valid, gateway: { ...valid.gateway, shadowSampleRate: 2 } },
      /`gateway.shadowSampleRate` is 2; expected a number from 0 to 1/,
    ],
  ];
  for (const [input, message] of cases) assert.match(refusal(input).message, message);
});

test('two domains cannot have one table, one event type or one name', () => {
  const second = (domain: Domain): unknown => ({ ...valid, domains: [valid.domains[0], domain] });
  assert.match(refusal(second(domainNamed('returns', ['orders'], []))).message, /orders, which orders has/);
  assert.match(
    refusal(second(domainNamed('returns', [], ['OrderPlaced']))).message,
    /OrderPlaced, which orders has/,
  );
  assert.match(refusal(second(domainNamed('orders', [], []))).message, /domain names of its own/);
  assert.match(
    refusal(second(domainNamed('returns', [], [], 'other'))).message,
    /a mapping from the source `shop`/,
  );
});

test('credentials stay out of the message', () => {
  const error = refusal({ ...valid, source: { url: 'mysql://capture:secret@db/shop' } });
  assert.doesNotMatch(error.message + error.remedy, /secret/);
});

test('a file that is absent, empty, or not strippable says so', async () => {
  await assert.rejects(loadConfig(join(folder, 'absent.ts')), { code: 'CONFIG_NOT_FOUND', exitCode: 2 });
  writeFileSync(join(folder, 'empty.ts'), 'export const config = 1;\n');
  await assert.rejects(loadConfig(join(folder, 'empty.ts')), {
    code: 'CONFIG_INVALID',
    message: /no default export/,
  });
  writeFileSync(join(folder, 'enum.ts'), 'enum Colour { Red }\nexport default Colour.Red;\n');
  await assert.rejects(loadConfig(join(folder, 'enum.ts')), {
    code: 'CONFIG_INVALID',
    why: /Node only strips types/,
  });
  writeFileSync(join(folder, 'throws.ts'), "throw new Error('SHOP_URL is not set');\n");
  await assert.rejects(loadConfig(join(folder, 'throws.ts')), {
    code: 'CONFIG_INVALID',
    message: /SHOP_URL is not set/,
  });
});
