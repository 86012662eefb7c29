// A stored event as its reader knows it: data of an older version brought up to the present one. The log is never changed.
import { BanyanError } from '../kernel/error.ts';
import type { RecordedEvent } from '../kernel/event.ts';
import type { EventCatalogue } from './domain.ts';

type Stored = Pick<RecordedEvent, 'type' | 'schemaVersion' | 'data'>;

/**
 * The event with data of the present version; one whose type the catalogue does not have stays as it is.
 * Throws EVENT_TOO_NEW for a version that this program does not know yet.
 */
export function upcast<E extends Stored>(events: EventCatalogue, event: E): E {
  const declared = Object.hasOwn(events, event.type) ? events[event.type]! : undefined;
  if (!declared || event.schemaVersion === declared.version) return event;
  if (event.schemaVersion > declared.version) {
    throw new BanyanError(
      'EVENT_TOO_NEW',
      `${event.type} is stored in version ${event.schemaVersion}; this program knows version ${declared.version}`,
    );
  }
  const data = declared.upcasts
    .slice(event.schemaVersion - 1)
    .reduce<unknown>((older, step) => step(older as never), event.data);
  return { ...event, data, schemaVersion: declared.version };
}
