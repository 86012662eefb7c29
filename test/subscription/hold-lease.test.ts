// Holding a lease: standby, renewal beside the work, and what the holder learns when it is lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BanyanError, errorCode } from '../../src/kernel/error.ts';
import { pause, waitUntil } from '../../src/runtime/wait.ts';
import { type HeldLease, holdLease } from '../../src/subscription/hold-lease.ts';
import { MemoryLeaseStore } from '../../src/subscription/memory/memory-lease-store.ts';

/** Long enough for a busy machine to renew in time. */
const TTL_MS = 600;
const never = new AbortController().signal;

test('a standby waits while the lease is renewed, and takes over once it is freed', async () => {
  const store = new CountingLeaseStore();
  const first = await held(store, 'ann', TTL_MS);
  let by = '';
  const second = holdLease(store, 'work', 'bob', {
    ttlMs: TTL_MS,
    signal: never,
    onStandby: (holder) => {
      by = holder;
    },
  });
  await until(() => store.renewals > 1);
  assert.equal(by, 'ann');
  assert.equal(first.signal.aborted, false);
  await first[Symbol.asyncDispose]();
  await using took = await second;
  assert.equal(took?.token, first.token + 1);
});

test('a holder whose lease was taken learns it by its signal, with the reason', async () => {
  const clock = { now: 0 };
  const store = new MemoryLeaseStore(() => clock.now);
  await using lease = await held(store, 'ann', 30);
  clock.now += 1000;
  assert.equal((await store.acquire('work', 'bob', 30)).outcome, 'acquired');
  await until(() => lease.signal.aborted);
  assert.equal(errorCode(lease.signal.reason), 'FENCED');
});

test('renewals that fail are tried again; when none succeeds in time the lease counts as lost', async () => {
  const store = new CountingLeaseStore();
  await using lease = await held(store, 'ann', TTL_MS);
  store.isReachable = false;
  await until(() => store.renewals > 0);
  store.isReachable = true;
  const before = store.renewals;
  await until(() => store.renewals > before + 1);
  assert.equal(lease.signal.aborted, false);
  store.isReachable = false;
  await until(() => lease.signal.aborted);
});

test('a renewal that never answers does not keep a lost lease alive', async () => {
  const store = new MemoryLeaseStore();
  const hanging = new AbortController();
  store.renew = async () => {
    await pause(3_600_000, hanging.signal);
    return false;
  };
  await using lease = await held(store, 'ann', 30);
  await until(() => lease.signal.aborted);
  hanging.abort();
});

test('the caller ends the waiting and the work by its own signal', async () => {
  const store = new MemoryLeaseStore();
  const stop = new AbortController();
  await using lease = await held(store, 'ann', 60_000, stop.signal);
  const waiting = holdLease(store, 'work', 'bob', { ttlMs: 60_000, signal: stop.signal });
  stop.abort();
  assert.equal(await waiting, undefined);
  assert.equal(lease.signal.aborted, true);
});

class CountingLeaseStore extends MemoryLeaseStore {
  isReachable = true;
  renewals = 0;

  override async renew(name: string, token: number, ttlMs: number): Promise<boolean> {
    this.renewals += 1;
    if (!this.isReachable) throw new BanyanError('LOG_UNREACHABLE', 'Not now');
    return super.renew(name, token, ttlMs);
  }
}

async function held(
  store: MemoryLeaseStore,
  owner: string,
  ttlMs: number,
  signal: AbortSignal = never,
): Promise<HeldLease> {
  const lease = await holdLease(store, 'work', owner, { ttlMs, signal });
  assert.ok(lease);
  return lease;
}

async function until(condition: () => boolean): Promise<void> {
  assert.ok(await waitUntil(condition, { timeoutMs: 10_000, everyMs: 2 }));
}
