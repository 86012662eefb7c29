// Stored rows as events again, for the engines that keep rows. Events of one source transaction carry the same meta: its
// text is parsed once.
import { BanyanError } from '../kernel/error.ts';
import type { EventMeta, RecordedEvent } from '../kernel/event.ts';
import { categoryOf } from '../kernel/stream.ts';

export const EVENT_COLUMNS = 'position, stream, version, type, id, time, schema_version, data, meta';

/** In the order of EVENT_COLUMNS; `data` and `meta` as JSON text. */
export type StoredRow = readonly [number, string, number, string, string, string, number, string, string];

/** Throws LOG_CORRUPT on a row that is no event; `at` says which log it was in. */
export function recordedEvents(rows: readonly StoredRow[], at: string): RecordedEvent[] {
  let metaText = '';
  let meta: EventMeta = { origin: 'command' };
  return rows.map((row) => {
    const [position, stream, version, type, id, time, schemaVersion, data] = row;
    try {
      if (row[8] !== metaText) {
        meta = JSON.parse(row[8]) as EventMeta;
        metaText = row[8];
      }
      return {
        id,
        type,
        time,
        schemaVersion,
        data: JSON.parse(data) as unknown,
        meta,
        stream,
        category: categoryOf(stream),
        version,
        position,
      };
    } catch (cause) {
      throw new BanyanError('LOG_CORRUPT', `The event at position ${position} cannot be read`, { at, cause });
    }
  });
}
