// What the stream's messages hold. An event is a CloudEvent 1.0 in JSON, for readers in any language; what has no attribute
// of its own there stands in extensions.
import { BanyanError } from '../../kernel/error.ts';
import type { EventMeta, Position, RecordedEvent } from '../../kernel/event.ts';
import { formatLsn, parseLsn } from '../../kernel/lsn.ts';
import { categoryOf, type StreamName } from '../../kernel/stream.ts';
import type { EventRow } from '../append-request.ts';
import type { AppendOutcome, SourceProgress } from '../event-store.ts';

export type Appended = Extract<AppendOutcome, { outcome: 'appended' }>;

export interface StoredMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** Which try stored it. */
  readonly publishId: string;
}

interface CloudEvent {
  readonly id: string;
  readonly type: string;
  readonly subject: StreamName;
  readonly time: string;
  readonly streamversion: number;
  readonly schemaversion: number;
  readonly meta: string;
  /** How many events of the same append come after this one; absent for none. */
  readonly following?: number;
  readonly data: unknown;
}

export interface StoredEvent {
  readonly event: RecordedEvent;
  /** Where the last event of its append lies. */
  readonly appendEnd: Position;
}

export interface EventPlace {
  readonly stream: StreamName;
  readonly version: number;
  readonly following: number;
}

export function encodeEvent(log: string, row: EventRow, { stream, version, following }: EventPlace): string {
  const attributes = {
    specversion: '1.0',
    id: row.id,
    source: `banyan/${log}`,
    type: row.type,
    subject: stream,
    time: row.time,
    streamversion: version,
    schemaversion: row.schemaVersion,
    meta: row.meta,
    ...(following > 0 ? { following } : {}),
  };
  return `${JSON.stringify(attributes).slice(0, -1)},"data":${row.data}}`;
}

const decoder = new TextDecoder();

/** Throws LOG_CORRUPT on a message that is no event. */
export function decodeEvent(
  { sequence, data }: Pick<StoredMessage, 'sequence' | 'data'>,
  at: string,
): StoredEvent {
  const stored = parse<CloudEvent>(data, sequence, at);
  try {
    const event = {
      id: stored.id,
      type: stored.type,
      time: stored.time,
      schemaVersion: stored.schemaversion,
      data: stored.data,
      meta: JSON.parse(stored.meta) as EventMeta,
      stream: stored.subject,
      category: categoryOf(stored.subject),
      version: stored.streamversion,
      position: sequence,
    };
    return { event, appendEnd: sequence + (stored.following ?? 0) };
  } catch (cause) {
    throw unreadable(sequence, at, cause);
  }
}

/** The last event that a message tells of: at a position, or so many messages before this one. */
export type RelativePosition = { readonly position: Position } | { readonly before: number };

export interface StoredProgress {
  readonly progress: SourceProgress;
  /** True of whoever has read up to here: everything its writer can have written before. */
  readonly trueAt: Position;
  readonly sequence: number;
}

export function encodeProgress({ name, lsn, position }: SourceProgress, trueAt: RelativePosition): string {
  return JSON.stringify({ name, lsn: formatLsn(lsn), position, trueAt });
}

export function decodeProgress({ sequence, data }: StoredMessage, at: string): StoredProgress {
  const { name, lsn, position, trueAt } = parse<{
    readonly name: string;
    readonly lsn: string;
    readonly position: Position;
    readonly trueAt: RelativePosition;
  }>(data, sequence, at);
  const progress = { name, lsn: parseLsn(lsn), position };
  return { progress, trueAt: absolute(trueAt, sequence), sequence };
}

export function encodeKey(versions: Appended['versions'], lastEvent: RelativePosition): string {
  return JSON.stringify({ versions, lastEvent });
}

export function decodeKey({ sequence, data }: StoredMessage, at: string): Appended {
  const { versions, lastEvent } = parse<{
    readonly versions: Appended['versions'];
    readonly lastEvent: RelativePosition;
  }>(data, sequence, at);
  return { outcome: 'appended', position: absolute(lastEvent, sequence), versions, isDuplicate: true };
}

function absolute(place: RelativePosition, sequence: number): Position {
  return 'position' in place ? place.position : sequence - place.before;
}

function parse<T>(data: Uint8Array, sequence: number, at: string): T {
  try {
    return JSON.parse(decoder.decode(data)) as T;
  } catch (cause) {
    throw unreadable(sequence, at, cause);
  }
}

function unreadable(sequence: number, at: string, cause: unknown): BanyanError {
  return new BanyanError('LOG_CORRUPT', `The message at position ${sequence} cannot be read`, { at, cause });
}
