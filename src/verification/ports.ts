// PORTS of the verification: the source at one LSN, the service's store at the same one, and a store to hold it against.
import type { RawRow } from '../domain/decode-row.ts';
import type { Projection, Row } from '../domain/domain.ts';
import type { SourceTable } from '../domain/source-schema.ts';
import type { Lsn } from '../kernel/lsn.ts';
import type { ReadStore } from '../projection/read-store.ts';

/** The source as it was at exactly one LSN. */
export interface SourceSnapshot extends AsyncDisposable {
  /** Every transaction that committed before it is in the snapshot, and no other. */
  readonly lsn: Lsn;
  /** A table's rows, page by page, the declared columns as texts. */
  rows(table: SourceTable): AsyncIterable<readonly RawRow[]>;
}

export interface SnapshotSource {
  take(): Promise<SourceSnapshot>;
}

/** The store of a running service. */
export interface StoreUnderTest {
  /** Stops its projection for a moment, so that the LSN that is chosen next lies ahead of it. */
  hold(): Promise<void>;
  /** Lets it on to exactly `lsn` and keeps the store as it is there. */
  snapshot(lsn: Lsn): Promise<{
    page(table: string, after: Row | undefined): Promise<readonly Row[]>;
    close(): Promise<void>;
  }>;
}

/** An empty store for one comparison; it goes when disposed. */
export type ScratchStores = (projection: Projection) => Promise<ReadStore>;
