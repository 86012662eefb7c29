// Snapshots of a store that a verification reads page by page over the control endpoint: few at a time, and none for long.
import { randomUUID } from 'node:crypto';
import type { Row } from '../domain/domain.ts';
import { BanyanError } from '../kernel/error.ts';
import { type Lsn, parseLsn } from '../kernel/lsn.ts';
import type { StoreSnapshot } from '../projection/read-store.ts';
import type { ServiceStore } from './service-store.ts';

const OPEN_MAX = 2;
const IDLE_MS = 60_000;
const HOLD_MS = 15_000;
const REACH_MS = 60_000;
const PAGE_MAX = 1_000;

export class VerificationSnapshots implements AsyncDisposable {
  readonly #store: ServiceStore;
  readonly #source: string;
  readonly #open = new Map<string, { readonly snapshot: StoreSnapshot; timer: NodeJS.Timeout }>();

  constructor(store: ServiceStore, source: string) {
    this.#store = store;
    this.#source = source;
  }

  /** Holds the projection, so that the place which is chosen next lies ahead of it. */
  async hold(): Promise<unknown> {
    await this.#store.liveProjector.hold(HOLD_MS);
    return {};
  }

  /** Lets it on to exactly `lsn` and photographs the store there. */
  async take(input: unknown): Promise<{ readonly id: string }> {
    if (this.#open.size >= OPEN_MAX)
      throw new BanyanError('LEASE_HELD', 'Other verifications are reading this store');
    const lsn: Lsn = parseLsn(String((input as { lsn?: unknown }).lsn));
    const snapshot = await this.#store.liveProjector.snapshotAt(this.#source, lsn, REACH_MS);
    const id = randomUUID();
    this.#open.set(id, { snapshot, timer: setTimeout(() => void this.close({ id }), IDLE_MS) });
    return { id };
  }

  async page(input: unknown): Promise<{ readonly rows: readonly Row[] }> {
    const { id, table, after, limit } = input as { id: string; table: string; after?: Row; limit?: number };
    const open = this.#open.get(id);
    if (!open)
      throw new BanyanError('WAIT_TIMED_OUT', 'The snapshot was closed because nobody read it', {
        remedy: 'Verify again.',
      });
    open.timer.refresh();
    return { rows: await open.snapshot.page(table, after, Math.min(PAGE_MAX, limit ?? PAGE_MAX)) };
  }

  async close(input: unknown): Promise<unknown> {
    const { id } = input as { id: string };
    const open = this.#open.get(id);
    this.#open.delete(id);
    clearTimeout(open?.timer);
    await open?.snapshot[Symbol.asyncDispose]();
    return {};
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#open.keys()]) await this.close({ id });
  }
}
