// PORT: leases. Of all processes that could do a piece of work, one does it. A lease can run out while its holder still
// believes in it, so whatever the holder writes carries the token, and the store that is written refuses an older one.

export type LeaseOutcome =
  | {
      readonly outcome: 'acquired';
      /** The fencing token: grows with each change of holder, for ever. */
      readonly token: number;
    }
  | {
      readonly outcome: 'held';
      readonly by: string;
      /** More than 0; the holder may renew it before. */
      readonly expiresInMs: number;
    };

export interface LeaseStore extends AsyncDisposable {
  /**
   * Takes the lease when nobody holds it or when it ran out. Of concurrent calls at most one succeeds, also across
   * processes. A holder that asks again is told `held` like everyone else: it has `renew`.
   */
  acquire(name: string, owner: string, ttlMs: number): Promise<LeaseOutcome>;

  /** Moves the end to `ttlMs` from now, also when it ran out and nobody took it. False once the token is outdated. */
  renew(name: string, token: number, ttlMs: number): Promise<boolean>;

  /** Frees the lease at once. Does nothing with an outdated token. */
  release(name: string, token: number): Promise<void>;
}
