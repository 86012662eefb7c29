// What the log holds. Data is plain JSON; everything else is the envelope.
import type { Category, StreamName } from './stream.ts';

/** Place in the log: a safe integer, strictly increasing, gaps allowed, never reused. 0 is before the first event. */
export type Position = number;

export type Origin = 'capture' | 'backfill' | 'command';

export interface EventMeta {
  readonly origin: Origin;
  /** The source change behind a captured or backfilled event. */
  readonly source?: { readonly name: string; readonly lsn: string; readonly xid: string };
  readonly causationId?: string;
  readonly correlationId?: string;
  readonly traceparent?: string;
  readonly actor?: string;
}

/** An event as its writer hands it over. */
export interface NewEvent {
  /** UUIDv7, or derived from the source position so that a retry makes the same one. */
  readonly id: string;
  readonly type: string;
  /** ISO 8601, UTC: when it happened, by the writer's clock. Never used to order. */
  readonly time: string;
  readonly schemaVersion: number;
  readonly data: unknown;
  readonly meta: EventMeta;
}

/** An event as the log gives it back. */
export interface RecordedEvent extends NewEvent {
  readonly stream: StreamName;
  readonly category: Category;
  /** 1, 2, 3 … within its stream. */
  readonly version: number;
  readonly position: Position;
}
