// Translation: row changes become events by the mapping, exactly once; what the mapping cannot tell parks its key, and
// nothing else waits for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableMapping } from '../../src/domain/domain.ts';
import { BanyanError } from '../../src/kernel/error.ts';
import { insert, SOURCE, tellLines, update, WrittenChangeLog } from './written-change-log.ts';

/** Throws on the rows of one order. */
const brokenFor = (order: string): TableMapping => ({
  ...tellLines,
  update: (emit, row, before) => {
    if (row.order_id === order) throw new Error('no such order');
    return tellLines.update(emit, row, before);
  },
});

test('an event says what it is, where it came from and which version of its schema it has', async () => {
  await using log = new WrittenChangeLog();
  const xid = await log.commit(insert('1', '5', '10'));
  await log.translate();
  const { id, type, stream, schemaVersion, time, data, meta } = (await log.events())[0]!;
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/);
  assert.deepEqual(
    { type, stream, schemaVersion, time, data, meta },
    {
      ...{ type: 'LineAdded', stream: 'order-5', schemaVersion: 3, time: '2026-11-23T10:00:00.000Z' },
      data: { id: '1', order_id: '5', amount: 10 },
      meta: {
        origin: 'capture',
        source: { name: SOURCE, lsn: `0/${(xid * 16).toString(16)}`, xid: String(xid) },
      },
    },
  );
});

test('no two events have the same id, also where rows of one chunk and changes between them are one stream', async () => {
  await using log = new WrittenChangeLog();
  await log.openTable(1);
  const late = await log.commit(update('1', '5', '11'), update('2', '5', '21'), update('3', '5', '31'));
  await log.chunk(1, 0, `${late}:${late}:`, ['1', '5', '10'], ['2', '5', '20'], ['3', '5', '30']);
  await log.complete(1, 1);
  await log.translate();
  assert.deepEqual(await log.told(), [
    ...['LineAdded 1 10', 'LineChanged 1 11', 'LineAdded 2 20'],
    ...['LineChanged 2 21', 'LineAdded 3 30', 'LineChanged 3 31'],
  ]);
  const ids = (await log.events()).map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
});

test('a mapping that throws parks its key with what follows; all others go on', async () => {
  await using log = new WrittenChangeLog();
  await log.commit(insert('1', '5', '10'), insert('2', '6', '20'));
  await log.commit(update('1', '5', '11'), update('2', '6', '21'));
  await log.commit(update('1', '5', '12'), update('2', '6', '22'));
  await log.translate(brokenFor('5'));
  assert.deepEqual(await log.told(), [
    ...['LineAdded 1 10', 'LineAdded 2 20', 'LineChanged 2 21', 'LineChanged 2 22'],
  ]);
  assert.deepEqual(log.figures().parked, [
    { table: 'lines', key: '["1"]', error: 'no such order', waiting: 1 },
  ]);
});

test('a mended mapping frees what was parked at its next start, in order and once', async () => {
  await using log = new WrittenChangeLog();
  await log.commit(insert('1', '5', '10'));
  await log.commit(update('1', '5', '11'));
  await log.translate(brokenFor('5'));
  await log.commit(update('1', '5', '12'));
  await log.translate(brokenFor('5'));
  assert.equal(log.figures().parked[0]!.waiting, 1);
  for (let start = 0; start < 2; start += 1) await log.translate();
  await log.commit(update('1', '5', '13'));
  await log.translate();
  assert.deepEqual(await log.told(), [
    ...['LineAdded 1 10', 'LineChanged 1 11', 'LineChanged 1 12', 'LineChanged 1 13'],
  ]);
  const ids = (await log.events()).map(({ id }) => id);
  assert.equal(new Set(ids).size, 4);
  assert.deepEqual(log.figures().parked, []);
});

test('an event that breaks its schema, or is not declared, parks its key without a value in the message', async () => {
  await using log = new WrittenChangeLog();
  await log.commit(insert('1', '5', '-987'), insert('2', '5', '7'), insert('3', '6', '8'));
  await log.translate({
    ...tellLines,
    insert: (emit, row) => (row.id === '3' ? { type: 'LineLost', data: {} } : tellLines.insert(emit, row)),
  });
  assert.deepEqual(await log.told(), ['LineAdded 2 7']);
  assert.deepEqual(
    log.figures().parked.map(({ key, error }) => [key, error]),
    [
      ['["1"]', 'LineAdded does not fit its schema at `amount`'],
      ['["3"]', 'The event LineLost is not declared'],
    ],
  );
});

test('a value that its column cannot be read as parks its key', async () => {
  await using log = new WrittenChangeLog();
  await log.commit(insert('1', '5', 'many'), insert('2', '5', '7'));
  await log.translate();
  assert.deepEqual(await log.told(), ['LineAdded 2 7']);
  assert.deepEqual(
    log.figures().parked.map(({ error }) => error),
    ['Column lines.amount cannot be read'],
  );
});

test('a row change that maps to no event is counted', async () => {
  await using log = new WrittenChangeLog();
  await log.commit(insert('1', '5', '10'), insert('2', '5', '20'));
  await log.commit({ op: 'delete', relation: '7.1', old: ['1', null, null] });
  await log.commit({ op: 'truncate', relations: ['7.1'] });
  await log.commit({ op: 'delete', relation: '7.1', old: ['99', null, null] });
  await log.translate();
  assert.deepEqual(log.figures().unmapped, [
    { table: 'lines', op: 'delete', count: 2 },
    { table: 'lines', op: 'delete of an unknown row', count: 1 },
  ]);
});

test('a mark that anybody may have written is no reason to stop', async () => {
  await using log = new WrittenChangeLog();
  for (const content of [
    '',
    'no json',
    'null',
    '[]',
    '{"table":"lines"}',
    '{"table":"lines","generation":1}',
    '{"table":"lines","generation":1,"chunk":0,"version":9}',
  ])
    for (const prefix of ['banyan.chunk', 'banyan.table-backfilled', 'banyan.else'])
      await log.commit({ op: 'message', prefix, content });
  await log.commit(insert('1', '5', '10'));
  await log.translate();
  assert.deepEqual(await log.told(), ['LineAdded 1 10']);
});

test('a second translation of the source is fenced before it can tell anything twice', async () => {
  await using log = new WrittenChangeLog();
  await log.commit(insert('1', '5', '10'));
  await log.translate();
  const { eventLog } = log;
  let isTaken = false;
  const append = eventLog.append.bind(eventLog);
  eventLog.append = async (writes, options) => {
    const stored = await eventLog.sourceProgress(SOURCE);
    if (!isTaken)
      await append([], { source: { ...stored!, position: stored!.position + 1, expected: stored } });
    isTaken = true;
    return append(writes, options);
  };
  await log.commit(insert('2', '5', '20'));
  await assert.rejects(log.translate(), (error) => error instanceof BanyanError && error.code === 'FENCED');
  assert.deepEqual(await log.told(), ['LineAdded 1 10']);
});
