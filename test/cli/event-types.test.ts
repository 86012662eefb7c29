// `banyan events types`: what the log holds, counted, and what no domain of the config can read.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.ts';
import { newEvent, write } from '../../src/testing/contract/event-store/case.ts';
import { banyan, type Ended } from '../support/banyan-process.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

let folder: string;
before(() => {
  folder = scratchFolder('event-types');
});
after(() => rmSync(folder, { recursive: true, force: true }));

const types = (...words: readonly string[]): Promise<Ended> =>
  banyan(['events', 'types', ...words], {
    ...{ SHOP_URL: 'postgresql://nobody@127.0.0.1:9/shop', SHOP_PORT: '20001' },
    SHOP_DATA_DIR: folder,
  }).ended;

test('types and versions are counted, with their places; what is unknown or too new is exit 4', async () => {
  const empty = await types();
  assert.deepEqual([empty.code, empty.stdout.trim()], [0, 'the log holds no events of a domain']);

  await using log = await openSqliteEventStore({ path: join(folder, 'log.db') });
  const placed = () => newEvent('OrderPlaced', {});
  await log.append([write('order-1', 'any', [placed(), newEvent('OrderCancelled')])]);
  await log.append([write('migration-orders', 'any', [newEvent('StageChanged')])]);
  await log.append([write('order-2', 'any', [placed()])]);
  const known = await types();
  assert.equal(known.code, 0);
  assert.match(known.stdout, /^order OrderCancelled +v1 +1 {2}#2 … #2$/m);
  assert.match(known.stdout, /^order OrderPlaced +v1 +2 {2}#1 … #4$/m);
  assert.doesNotMatch(known.stdout, /StageChanged/);

  await log.append([write('order-3', 'any', [{ ...placed(), schemaVersion: 2 }, newEvent('OrderPainted')])]);
  const { code, stdout } = await types('--json');
  const { ok, data } = JSON.parse(stdout) as { ok: boolean; data: readonly Record<string, unknown>[] };
  assert.deepEqual([code, ok], [4, false]);
  assert.deepEqual(
    data.map(({ type, version, known: at, events }) => [type, version, at, events]),
    [
      ['OrderCancelled', 1, 1, 1],
      ['OrderPainted', 1, null, 1],
      ['OrderPlaced', 1, 1, 2],
      ['OrderPlaced', 2, 1, 1],
    ],
  );
});
