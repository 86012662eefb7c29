// PORT: the event log. One total order, appended to and read, never changed. These comments are the contract that
// `testing/contract/event-store.ts` holds every engine to.
import type { NewEvent, Position, RecordedEvent } from '../kernel/event.ts';
import type { Lsn } from '../kernel/lsn.ts';
import type { Category, ExpectedVersion, StreamName } from '../kernel/stream.ts';

/** Which log this is. A checkpoint written against another identity is refused, never silently continued. */
export interface LogIdentity {
  /** Drawn when the log was created. */
  readonly id: string;
  /** Raised whenever the log is restored from a backup. */
  readonly recoveryEpoch: number;
}

/** How far a source has been taken in: what makes capture and translation exactly-once. */
export interface SourceProgress {
  readonly name: string;
  /** The frontier: everything the source committed at or before this LSN is in the log. */
  readonly lsn: Lsn;
  /** Where to resume in the log upstream of this one; 0 when the source has none upstream. */
  readonly position: Position;
}

export interface StreamWrite {
  readonly stream: StreamName;
  readonly expected: ExpectedVersion;
  /** May be empty: then only the expectation is checked. */
  readonly events: readonly NewEvent[];
}

export interface AppendOptions {
  /**
   * Stored in the same atomic step as the events. `expected` is the progress the writer last knew (`undefined` = none
   * stored yet): when it is not what is stored, another writer of this source is at work, nothing is written and the
   * outcome is `fenced`. Neither `lsn` nor `position` may go backwards (RangeError).
   */
  readonly source?: SourceProgress & { readonly expected: SourceProgress | undefined };
  /**
   * An append whose key was used before writes nothing and returns the recorded outcome with `isDuplicate`. The key is
   * looked at first, before fencing and versions; only an `appended` outcome is recorded, so that a conflict may be
   * tried again under its key. Engines keep keys for seven days at least.
   */
  readonly idempotencyKey?: string;
}

export type AppendOutcome =
  | {
      readonly outcome: 'appended';
      /** Of the last event written; the head when the append had none. */
      readonly position: Position;
      readonly versions: Readonly<Record<StreamName, number>>;
      readonly isDuplicate: boolean;
    }
  | {
      readonly outcome: 'conflict';
      readonly stream: StreamName;
      readonly expected: ExpectedVersion;
      readonly actual: number;
    }
  | { readonly outcome: 'fenced'; readonly actual: SourceProgress | undefined };

export interface LogFilter {
  readonly categories?: readonly Category[];
  readonly types?: readonly string[];
}

export interface ReadLogOptions extends LogFilter {
  /** Exclusive; 0 = from the beginning of time. */
  readonly after: Position;
  /** Inclusive; absent, or past the head = the head at the moment reading starts. */
  readonly upTo?: Position;
  /** At most so many events a batch (default 1,000). */
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
}

export interface SubscribeOptions extends LogFilter {
  readonly after: Position;
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
}

export interface LogBatch {
  /** In position order; empty when only `upTo` or a frontier moved. */
  readonly events: readonly RecordedEvent[];
  /** Proven read up to here, also where the filter skipped. The checkpoint to store with the batch's effects. */
  readonly upTo: Position;
  /** The last position of the log when the batch was read. */
  readonly head: Position;
  /**
   * Per source, an LSN whose events all lie at or before `upTo`. Never ahead of the truth; may trail it (or lack the
   * source) while catching up, and equals the source's stored progress once `upTo` = `head`.
   */
  readonly frontier: Readonly<Record<string, Lsn>>;
}

export interface LogHead {
  readonly position: Position;
  readonly progress: readonly SourceProgress[];
}

/**
 * An aborted `signal` ends any iteration early, without an error. Disposal waits for the appends already made; after it
 * every call, and every iteration still under way, rejects with LOG_UNREACHABLE.
 */
export interface EventStore extends AsyncDisposable {
  readonly identity: LogIdentity;

  /**
   * Appends to one or many streams, in the order given.
   * Order: an append that begins after another has ended has the higher positions; within an append, the order given.
   * Appends of different processes that overlap may end in the other order, and no reader sees the later without the earlier.
   * Atomic: all writes, the source progress and the idempotency key become visible together or not at all.
   * A stream may stand in several writes of one append; each expectation sees the writes before it.
   * An append without writes but with `source` moves the frontier only.
   * Concurrent appends to one stream: at most one of those expecting the same version succeeds, also across processes.
   * Done means durable: what is resolved survives a crash of the process and of the machine (on engines that persist).
   * Rejects with LOG_UNREACHABLE (nothing known, try again with the same idempotency key) or a RangeError for
   * malformed input, such as data that JSON cannot say; conflicts and fencing are outcomes.
   */
  append(writes: readonly StreamWrite[], options?: AppendOptions): Promise<AppendOutcome>;

  /** One stream in version order, from after `afterVersion` (default 0) to its end as it was when reading began. */
  readStream(
    stream: StreamName,
    options?: { readonly afterVersion?: number; readonly batchSize?: number; readonly signal?: AbortSignal },
  ): AsyncIterable<readonly RecordedEvent[]>;

  /**
   * The log in position order. Ends at `upTo`; the last batch always has `upTo` at least there, also when it is empty.
   * What an append resolved before reading began is seen. An event is given once, and none below a batch's `upTo` appears later.
   */
  readLog(options: ReadLogOptions): AsyncIterable<LogBatch>;

  /**
   * Catches up, then follows live, without a gap, until `signal` aborts.
   * The first batch comes at once, also when nothing is new: it tells where the consumer stands. Later ones come also
   * when only a frontier moved or when the filter hid what came. The consumer's pace is the back-pressure:
   * nothing is buffered for it beyond one batch.
   */
  subscribe(options: SubscribeOptions): AsyncIterable<LogBatch>;

  head(): Promise<LogHead>;

  sourceProgress(name: string): Promise<SourceProgress | undefined>;
}
