// Both lease stores against the contract; the SQLite one also between handles and beside a log in one file.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.ts';
import { errorCode } from '../../src/kernel/error.ts';
import { MemoryLeaseStore } from '../../src/subscription/memory/memory-lease-store.ts';
import { openSqliteLeaseStore } from '../../src/subscription/sqlite/sqlite-lease-store.ts';
import { type LeasesUnderTest, leaseStoreContract } from '../../src/testing/contract/lease-store.ts';

const DATA = resolve(import.meta.dirname, '../../.data/test');

function scratchLeases(now?: () => number): LeasesUnderTest & { readonly path: string } {
  mkdirSync(DATA, { recursive: true });
  const folder = mkdtempSync(join(DATA, 'lease-'));
  const path = join(folder, 'lease.db');
  return {
    path,
    open: () => openSqliteLeaseStore({ path, ...(now && { now }) }),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true }),
  };
}

leaseStoreContract('memory', async (now) => {
  const store = new MemoryLeaseStore(now);
  return { open: async () => store, [Symbol.asyncDispose]: async () => undefined };
});
leaseStoreContract('sqlite', async (now) => scratchLeases(now));

test('handles on one file agree, and a token is never given twice, also after all were closed', async () => {
  await using leases = scratchLeases();
  const tokens: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const stores = await Promise.all(['ann', 'bob', 'cat'].map(() => leases.open()));
    const answers = await Promise.all(
      stores.map((store, index) => store.acquire('work', `p${index}`, 60_000)),
    );
    const won = answers.flatMap((answer) => (answer.outcome === 'acquired' ? [answer.token] : []));
    assert.equal(won.length, 1);
    tokens.push(won[0]!);
    await stores[2]!.release('work', won[0]!);
    for (const store of stores) await store[Symbol.asyncDispose]();
  }
  assert.deepEqual(tokens, [1, 2, 3, 4, 5]);
});

test('leases and a log share a file, whoever comes first', async () => {
  await using leases = scratchLeases();
  await using store = await leases.open();
  await using log = await openSqliteEventStore({ path: leases.path });
  assert.equal((await store.acquire('work', 'ann', 1000)).outcome, 'acquired');
  assert.equal((await log.head()).position, 0);
});

test('a file that cannot be used is LOG_UNREACHABLE', async () => {
  await assert.rejects(
    () => openSqliteLeaseStore({ path: DATA }),
    (error) => errorCode(error) === 'LOG_UNREACHABLE',
  );
});
