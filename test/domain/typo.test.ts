// What a typo in a domain's definition costs: one error, at the typo, that says what was meant. The compiler is run on
// copies of `shop.ts` with one mistake each.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { scratchFolder } from '../support/scratch-folder.ts';

/** One word of `shop.ts`, the first after a given place, written wrongly; the error belongs where it stands. */
interface Mistake {
  readonly name: string;
  readonly after: string;
  readonly right: string;
  readonly wrong: string;
  /** Types that are too long to read at a glance are given as `…`. */
  readonly error: string;
}

const MISTAKES: readonly Mistake[] = [
  {
    name: 'an event that is not there, emitted',
    after: 'insert: (emit, row) => emit.',
    right: 'OrderPlaced',
    wrong: 'OrderPlcaed',
    error: `TS2551: Property 'OrderPlcaed' does not exist on type '…'. Did you mean 'OrderPlaced'?`,
  },
  {
    name: 'a column that the source does not declare',
    after: 'insert: (emit, row) => emit.OrderPlaced({ orderId: row.id, customer: row.',
    right: 'customer',
    wrong: 'custmer',
    error: `TS2551: Property 'custmer' does not exist on type '…'. Did you mean 'customer'?`,
  },
  {
    name: 'a property that the event does not have',
    after: 'emit.OrderCancelled({ ',
    right: 'orderId',
    wrong: 'orderID',
    error: `TS2561: Object literal may only specify known properties, but 'orderID' does not exist in type '{ orderId: string; }'. Did you mean to write 'orderId'?`,
  },
  {
    name: 'a property that the event needs, forgotten',
    after: 'insert: (emit, row) => emit.OrderPlaced(',
    right: '{ orderId: row.id, customer: row.customer,',
    wrong: '{ orderId: row.id,',
    error: `TS2741: Property 'customer' is missing in type '{ orderId: string; total: number; }' but required in type '…'.`,
  },
  {
    name: 'a property of another type',
    after: 'emit.OrderCancelled({ ',
    right: 'orderId: before.id',
    wrong: 'orderId: before.total',
    error: `TS2322: Type 'number' is not assignable to type 'string'.`,
  },
  {
    name: `a property that the handler's event does not have`,
    after: 'tables.orders.upsert({ id: data.',
    right: 'orderId',
    wrong: 'orderID',
    error: `TS2551: Property 'orderID' does not exist on type '…'. Did you mean 'orderId'?`,
  },
  {
    name: 'a table that the projection does not have',
    after: 'const order = await tables.',
    right: 'orders',
    wrong: 'order',
    error: `TS2551: Property 'order' does not exist on type '…'. Did you mean 'orders'?`,
  },
  {
    name: 'a column that the table does not have',
    after: 'tables.orders.upsert({ id: data.orderId, total: data.total, ',
    right: 'customer:',
    wrong: 'custmer:',
    error: `TS2561: Object literal may only specify known properties, but 'custmer' does not exist in type '…'. Did you mean to write 'customer'?`,
  },
  {
    name: 'a column that was forgotten',
    after: 'tables.orders.upsert(',
    right: '{ id: data.orderId, total: data.total, customer: data.customer }',
    wrong: '{ id: data.orderId, total: data.total }',
    error: `TS2741: Property 'customer' is missing in type '{ id: string; total: number; }' but required in type '…'.`,
  },
  {
    name: 'an increment of what is no number',
    after: 'tables.customers.increment({ name: data.customer }, { ',
    right: 'orders',
    wrong: 'name',
    error: `TS2353: Object literal may only specify known properties, and 'name' does not exist in type '{ readonly orders?: number; }'.`,
  },
  {
    name: 'a key that is no column',
    after: 'orders: {\n      key: [',
    right: `'id'`,
    wrong: `'ident'`,
    error: `TS2322: Type '"ident"' is not assignable to type '"customer" | "id" | "total"'.`,
  },
  {
    name: 'a parameter that the route does not have',
    after: `read.get('orders', { id: params.`,
    right: 'id',
    wrong: 'slug',
    error: `TS2339: Property 'slug' does not exist on type '{ readonly id: string; }'.`,
  },
  {
    name: 'a column that a query reads and the table does not have',
    after: 'found?.',
    right: 'total',
    wrong: 'totl',
    error: `TS2551: Property 'totl' does not exist on type '…'. Did you mean 'total'?`,
  },
];

/** A wrong key of the definition itself: what stands under it loses its types, which the compiler says as well. */
const WRONG_KEYS: readonly Mistake[] = [
  {
    name: 'a captured table that the source does not declare',
    after: 'capture: {\n    ',
    right: 'orders',
    wrong: 'order',
    error: `TS2561: Object literal may only specify known properties, but 'order' does not exist in type '…'. Did you mean to write 'orders'?`,
  },
  {
    name: 'a handler of an event that nobody emits',
    after: '},\n      ',
    right: 'OrderCancelled',
    wrong: 'OrderCanceled',
    error: `TS2561: Object literal may only specify known properties, but 'OrderCanceled' does not exist in type '…'. Did you mean to write 'OrderCancelled'?`,
  },
];

const SHOP = readFileSync(join(import.meta.dirname, 'shop.ts'), 'utf8');
const IMPLICIT_ANY = /^TS70(06|31): /;

describe('the compiler on', () => {
  const folder = scratchFolder('typo');
  let errors: ReadonlyMap<string, readonly string[]>;
  before(async () => {
    errors = await compile(folder, [...MISTAKES, ...WRONG_KEYS]);
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const mistake of MISTAKES) {
    test(`${mistake.name} gives one error, at the place`, () => {
      assert.deepEqual(errors.get(mistake.name), [`${placeOf(mistake)} ${mistake.error}`]);
    });
  }

  for (const mistake of WRONG_KEYS) {
    test(`${mistake.name} gives one error at the place, and beside it only parameters that have no type`, () => {
      const [first, ...others] = errors.get(mistake.name) ?? [];
      assert.equal(first, `${placeOf(mistake)} ${mistake.error}`);
      assert.deepEqual(
        others.filter((error) => !IMPLICIT_ANY.test(error.replace(/^\S+ /, ''))),
        [],
      );
    });
  }
});

function placeIn(text: string, { after, right }: Mistake): number {
  const start = text.indexOf(after);
  assert.ok(start >= 0 && text.startsWith(right, start + after.length), `shop.ts holds ${after}${right}`);
  return start + after.length;
}

function withMistake(mistake: Mistake): string {
  const at = placeIn(SHOP, mistake);
  return SHOP.slice(0, at) + mistake.wrong + SHOP.slice(at + mistake.right.length);
}

/** `line:column` of the wrong word. */
function placeOf(mistake: Mistake): string {
  const lines = SHOP.slice(0, placeIn(SHOP, mistake)).split('\n');
  return `${lines.length}:${lines.at(-1)!.length + 1}`;
}

/** Each mistake's errors as `line:column code: message`, long types cut out. */
async function compile(
  folder: string,
  mistakes: readonly Mistake[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const root = resolve(import.meta.dirname, '../..');
  for (const [index, mistake] of mistakes.entries()) {
    writeFileSync(join(folder, `mistake-${index}.ts`), withMistake(mistake));
  }
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.json'), include: ['*.ts'], exclude: [] }),
  );
  const run = promisify(execFile)(process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    ...['--pretty', 'false', '--project', folder],
  ]);
  const { stdout } = await run.catch((error: { readonly stdout: string }) => error);
  const found = new Map<string, string[]>();
  for (const [, index, line, column, text] of stdout.matchAll(
    /mistake-(\d+)\.ts\((\d+),(\d+)\): error (.*(?:\n {2}.*)*)/g,
  )) {
    const { name } = mistakes[Number(index)]!;
    const error = `${line}:${column} ${text!.replaceAll(/'[^']{40,}'/g, "'…'")}`;
    found.set(name, [...(found.get(name) ?? []), error]);
  }
  return found;
}
