// An append, checked and turned into what engines store, before anything is decided: data as JSON text, so that what
// the caller does to an event later changes nothing.
import { categoryOf, type ExpectedVersion, type StreamName } from '../kernel/stream.ts';
import { checkAppend, jsonText } from './check-input.ts';
import type { AppendOptions, StreamWrite } from './event-store.ts';

export interface EventRow {
  readonly type: string;
  readonly id: string;
  readonly time: string;
  readonly schemaVersion: number;
  readonly data: string;
  readonly meta: string;
}

export interface StreamRows {
  readonly stream: StreamName;
  readonly category: string;
  readonly expected: ExpectedVersion;
  readonly rows: readonly EventRow[];
}

export interface AppendRequest {
  readonly writes: readonly StreamRows[];
  readonly eventCount: number;
  readonly options: AppendOptions;
}

/** Throws a RangeError on malformed input. */
export function appendRequest(writes: readonly StreamWrite[], options: AppendOptions): AppendRequest {
  checkAppend(writes, options);
  let eventCount = 0;
  const prepared = writes.map(({ stream, expected, events }): StreamRows => {
    eventCount += events.length;
    const rows = events.map(
      ({ type, id, time, schemaVersion, data, meta }): EventRow => ({
        type,
        id,
        time,
        schemaVersion,
        data: jsonText(`Data of ${type}`, data),
        meta: jsonText(`Meta of ${type}`, meta),
      }),
    );
    return { stream, category: categoryOf(stream), expected, rows };
  });
  return { writes: prepared, eventCount, options };
}
