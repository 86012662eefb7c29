// What was emitted, held to the schema that its type declares: what the log takes in is what a reader will find.
import { BanyanError } from '../kernel/error.ts';
import type { StreamName } from '../kernel/stream.ts';
import type { Emission, Emitted, EventCatalogue } from './domain.ts';

/** An emitted event with the data that its schema made of it. */
export interface ValidEvent {
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: unknown;
}

/** The events of an emission, in order; what is false, null or absent is none. */
export function flattenEmission(emission: Emission): readonly Emitted[] {
  if (!emission) return [];
  return Array.isArray(emission)
    ? (emission as readonly Emission[]).flatMap(flattenEmission)
    : [emission as Emitted];
}

/** A promise only when the schema validates asynchronously. Throws EVENT_INVALID naming the place, never the value. */
export function validateEvent(
  events: EventCatalogue,
  stream: StreamName,
  { type, data }: Emitted,
): ValidEvent | Promise<ValidEvent> {
  const declared = Object.hasOwn(events, type) ? events[type] : undefined;
  if (!declared) throw new BanyanError('EVENT_INVALID', `The event ${type} is not declared`, { at: stream });
  const checked = declared.schema['~standard'].validate(data);
  const accept = (result: Awaited<typeof checked>): ValidEvent => {
    if (!result.issues) return { type, schemaVersion: declared.version, data: result.value };
    const [issue] = result.issues;
    const path = (issue!.path ?? [])
      .map((part) => String(typeof part === 'object' ? part.key : part))
      .join('.');
    throw new BanyanError('EVENT_INVALID', `${type} does not fit its schema at \`${path || '(root)'}\``, {
      at: stream,
      why: issue!.message,
    });
  };
  return checked instanceof Promise ? checked.then(accept) : accept(checked);
}
