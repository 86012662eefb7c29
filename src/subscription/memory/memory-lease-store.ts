// The reference lease store: for one process and for tests.
import type { LeaseOutcome, LeaseStore } from '../lease.ts';

interface Lease {
  readonly token: number;
  /** Undefined once released; the token stays, so that the next one is larger. */
  readonly owner: string | undefined;
  readonly expiresAt: number;
}

export class MemoryLeaseStore implements LeaseStore {
  readonly #leases = new Map<string, Lease>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  async acquire(name: string, owner: string, ttlMs: number): Promise<LeaseOutcome> {
    const lease = this.#leases.get(name);
    const now = this.#now();
    if (lease?.owner !== undefined && lease.expiresAt > now) {
      return { outcome: 'held', by: lease.owner, expiresInMs: lease.expiresAt - now };
    }
    const token = (lease?.token ?? 0) + 1;
    this.#leases.set(name, { token, owner, expiresAt: now + ttlMs });
    return { outcome: 'acquired', token };
  }

  async renew(name: string, token: number, ttlMs: number): Promise<boolean> {
    const lease = this.#leases.get(name);
    if (lease?.token !== token || lease.owner === undefined) return false;
    this.#leases.set(name, { ...lease, expiresAt: this.#now() + ttlMs });
    return true;
  }

  async release(name: string, token: number): Promise<void> {
    const lease = this.#leases.get(name);
    if (lease?.token === token) this.#leases.set(name, { ...lease, owner: undefined });
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
