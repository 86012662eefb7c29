// The lease port as an executable contract. The clock belongs to the suite, so that no case waits.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LeaseStore } from '../../subscription/lease.ts';

export interface LeasesUnderTest extends AsyncDisposable {
  /** A handle on the same leases each time. */
  open(): Promise<LeaseStore>;
}

interface Clock {
  now: number;
}

const TTL_MS = 1000;

/** `make` gives new, empty leases that take the time from `now`. */
export function leaseStoreContract(
  name: string,
  make: (now: () => number) => Promise<LeasesUnderTest>,
): void {
  const claim = (what: string, run: (leases: LeasesUnderTest, clock: Clock) => Promise<void>): void => {
    test(what, async () => {
      const clock = { now: 1_000_000 };
      await using leases = await make(() => clock.now);
      await run(leases, clock);
    });
  };

  describe(`lease store contract: ${name}`, () => {
    claim(
      'a free lease is acquired; then it is held, for its owner too, and says by whom and how long',
      async (leases, clock) => {
        await using store = await leases.open();
        assert.equal(await tokenOf(store, 'ann'), 1);
        clock.now += 300;
        const held = { outcome: 'held', by: 'ann', expiresInMs: 700 };
        assert.deepEqual(await store.acquire('work', 'bob', TTL_MS), held);
        assert.deepEqual(await store.acquire('work', 'ann', TTL_MS), held);
      },
    );

    claim('leases of different names do not touch each other', async (leases) => {
      await using store = await leases.open();
      await tokenOf(store, 'ann', 'one');
      await tokenOf(store, 'bob', 'two');
      await store.release('one', 1);
      assert.equal((await store.acquire('two', 'ann', TTL_MS)).outcome, 'held');
    });

    claim(
      'a lease that ran out goes to the next, with a larger token; the old one is outdated',
      async (leases, clock) => {
        await using store = await leases.open();
        const old = await tokenOf(store, 'ann');
        clock.now += TTL_MS;
        const token = await tokenOf(store, 'bob');
        assert.ok(token > old);
        assert.equal(await store.renew('work', old, TTL_MS), false);
        await store.release('work', old);
        assert.equal((await store.acquire('work', 'ann', TTL_MS)).outcome, 'held');
        assert.equal(await store.renew('work', token, TTL_MS), true);
      },
    );

    claim(
      'renewing moves the end, also of a lease that ran out and that nobody took',
      async (leases, clock) => {
        await using store = await leases.open();
        const token = await tokenOf(store, 'ann');
        for (const afterMs of [900, 900, 5000]) {
          clock.now += afterMs;
          assert.equal(await store.renew('work', token, TTL_MS), true);
        }
        clock.now += 999;
        assert.deepEqual(await store.acquire('work', 'bob', TTL_MS), {
          outcome: 'held',
          by: 'ann',
          expiresInMs: 1,
        });
      },
    );

    claim(
      'a released lease is free at once, cannot be renewed, and its next token is larger',
      async (leases) => {
        await using store = await leases.open();
        const token = await tokenOf(store, 'ann');
        await store.release('work', token);
        assert.equal(await store.renew('work', token, TTL_MS), false);
        assert.ok((await tokenOf(store, 'ann')) > token);
        assert.equal(await store.renew('absent', 1, TTL_MS), false);
        await store.release('absent', 1);
      },
    );

    claim('of concurrent calls exactly one acquires', async (leases, clock) => {
      await using store = await leases.open();
      for (let round = 1; round <= 5; round += 1) {
        const owners = ['ann', 'bob', 'cat', 'dan'];
        const answers = await Promise.all(owners.map((owner) => store.acquire('work', owner, TTL_MS)));
        assert.equal(answers.filter(({ outcome }) => outcome === 'acquired').length, 1);
        clock.now += TTL_MS;
      }
    });
  });
}

async function tokenOf(store: LeaseStore, owner: string, name = 'work'): Promise<number> {
  const answer = await store.acquire(name, owner, TTL_MS);
  if (answer.outcome !== 'acquired') assert.fail(`held by ${answer.by}`);
  return answer.token;
}
