// On a quiet server the frontier reaches what nobody's commit has put on disk.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { flushWal, keepFlushed } from '../../src/capture/postgres/flush-wal.ts';
import { parseLsn } from '../../src/kernel/lsn.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { startCapturedSource } from '../support/captured-source.ts';

test('what no commit follows is flushed, and the frontier moves behind it', async () => {
  await using source = await startCapturedSource('flush-wal');
  const running = source.start();
  const stop = new AbortController();
  const flushing = keepFlushed(source.target.url, { signal: stop.signal, log: silentLog });
  for (let round = 0; round < 3; round += 1) {
    // Written to the log without a transaction: no commit of it will ever come.
    await source.query("SELECT pg_logical_emit_message(false, 'nobody', repeat('x', 100))");
    const [row] = await source.query('SELECT pg_current_wal_insert_lsn() AS lsn');
    const isThere = async (): Promise<boolean> =>
      ((await source.changeLog.sourceProgress('captured'))?.lsn ?? 0n) >= parseLsn(row!.lsn!);
    assert.ok(await waitUntil(isThere, { timeoutMs: 10_000, everyMs: 5 }), `round ${round}`);
  }
  stop.abort();
  await flushing;
  await running.stop();
  assert.deepEqual(await source.transactions(), [], 'and it is nothing to capture');
});

test('a flush answers a place behind everything that was written before', async () => {
  await using source = await startCapturedSource('flush-once');
  await source.query("SELECT pg_logical_emit_message(false, 'nobody', 'x')");
  const [row] = await source.query('SELECT pg_current_wal_insert_lsn() AS lsn');
  assert.ok((await flushWal(source.db)) >= parseLsn(row!.lsn!));
});
