// PORT: a service's private tables, written only by its projection. Rows and the checkpoint behind them commit together.
import type { Row, StoreReader } from '../domain/domain.ts';
import type { LogIdentity } from '../event-store/event-store.ts';
import type { Position } from '../kernel/event.ts';
import type { Lsn } from '../kernel/lsn.ts';
import type { StreamName } from '../kernel/stream.ts';

/** Per source, the LSN whose events are all in the store. */
export type Frontier = Readonly<Record<string, Lsn>>;

export interface StoreCheckpoint {
  readonly log: LogIdentity;
  /** Every event up to here is in the store, or does not concern it. */
  readonly position: Position;
  readonly frontier: Frontier;
}

/** A stream that stands still at an event which could not be applied. */
export interface ParkedStream {
  readonly stream: StreamName;
  /** Of that event: it and what follows it are not applied. */
  readonly version: number;
  readonly position: Position;
  readonly type: string;
  /** Without values of the event. */
  readonly error: string;
  /** Events of the stream behind it that concern the projection. */
  readonly waiting: number;
}

export interface ParkingChanges {
  /** Each replaces what was there of its stream. */
  readonly parked: readonly ParkedStream[];
  readonly freed: readonly StreamName[];
}

export interface TableChanges {
  readonly table: string;
  /** Whole rows, one per key. */
  readonly upserts: readonly Row[];
  /** Keys. */
  readonly deletes: readonly Row[];
}

/** One moment of the store: its frontier and its rows belong together. */
export interface StoreSnapshot extends AsyncDisposable {
  readonly position: Position;
  readonly frontier: Frontier;
  readonly read: StoreReader;
  /** Up to `limit` rows of a table in key order, after the key `after`. */
  page(table: string, after: Row | undefined, limit: number): Promise<readonly Row[]>;
}

export interface ReadStore extends AsyncDisposable {
  /** Undefined while nothing was ever written. */
  checkpoint(): Promise<StoreCheckpoint | undefined>;

  parked(): Promise<readonly ParkedStream[]>;

  /** The rows of these keys, in their order. */
  load(table: string, keys: readonly Row[]): Promise<readonly (Row | undefined)[]>;

  /**
   * Applies the changes of rows and of parked streams and moves the checkpoint, all or nothing. `expected` is the position that the writer last stored:
   * when another one is there, a second writer is at work, nothing is written, and it rejects with CHECKPOINT_MISMATCH.
   */
  commit(
    changes: readonly TableChanges[],
    checkpoint: StoreCheckpoint,
    expected: Position | undefined,
    parking?: ParkingChanges,
  ): Promise<void>;

  /** Opens a snapshot; waits for a free one when too many are open. The caller closes it. */
  snapshot(): Promise<StoreSnapshot>;
}
