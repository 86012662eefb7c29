// PORT: a database as an ordered stream of committed transactions.
import type { Lsn } from '../kernel/lsn.ts';
import type { SourceTransaction } from './change.ts';

/** Which history LSNs belong to: positions of two histories are never compared. */
export interface SourceHistory {
  readonly systemId: string;
  readonly timeline: number;
}

export interface SourceBatch {
  /** In commit order, whole. Empty when only the frontier moved. */
  readonly transactions: readonly SourceTransaction[];
  /** Everything committed at or before this LSN is in this batch or in one before it. */
  readonly frontier: Lsn;
}

export interface ChangeSource extends AsyncDisposable {
  readonly name: string;

  history(): Promise<SourceHistory>;

  /**
   * Streams from just after `after`, in commit order, each transaction once.
   * Batches close when the reader is ready for one: nothing is buffered beyond a bound, the socket is paused instead.
   * The frontier moves while nothing captured changes. Ends when `signal` aborts.
   * Throws SLOT_GAP when the server has already dropped what follows `after`, SLOT_MISSING, SLOT_IN_USE,
   * REPLICATION_LOST (worth a retry), SOURCE_CHANGED.
   */
  stream(options: { readonly after: Lsn; readonly signal: AbortSignal }): AsyncIterable<SourceBatch>;

  /** Tells the source that everything at or before `lsn` is durable here, so that it may forget it. Never sent earlier. */
  confirm(lsn: Lsn): void;
}
