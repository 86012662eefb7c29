// An event as one line for a person: time, position, stream, type, and where it came from.
import type { RecordedEvent } from '../kernel/event.ts';
import { paint } from './output.ts';

export function eventLine(event: RecordedEvent, isDataShown: boolean): string {
  const time = event.time.slice(11, 23);
  const cause = event.meta.source ? `${event.meta.origin} ${event.meta.source.lsn}` : event.meta.origin;
  const data = isDataShown ? `  ${JSON.stringify(event.data)}` : '';
  return `${time}  #${event.position}  ${event.stream.padEnd(18)} ${paint('bold', event.type.padEnd(22))} ${paint('dim', `← ${cause}`)}${data}`;
}

/** The JSON of an event; its data only when asked for, because it may hold personal values. */
export function eventDocument(event: RecordedEvent, isDataShown: boolean): unknown {
  const { data, ...envelope } = event;
  return isDataShown ? { ...envelope, data } : envelope;
}
