// The events of a domain: past-tense names, each with a schema of any Standard Schema library. Their names and shapes are
// stored for ever; a shape that changes is a new version, with a function from the one before.
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { BanyanError } from '../kernel/error.ts';
import type { EventCatalogue, EventType, Upcast } from './domain.ts';

/** The schema of today, and how events of the versions before become it. */
export interface ChangedSchema<S extends StandardSchemaV1> {
  readonly schema: S;
  readonly upcasts: Readonly<Record<number, Upcast>>;
}
type SchemaOf<D> = D extends ChangedSchema<infer S> ? S : D;
type Declared = StandardSchemaV1 | ChangedSchema<StandardSchemaV1>;

export type Events<D extends Readonly<Record<string, Declared>>> = {
  readonly [K in keyof D]: EventType & { readonly schema: SchemaOf<D[K]> };
};

export type InputOf<E extends EventType> = StandardSchemaV1.InferInput<E['schema']>;
export type OutputOf<E extends EventType> = StandardSchemaV1.InferOutput<E['schema']>;

/**
 * An event whose shape has changed. `upcasts[n]` makes data of version n + 1 of what was stored as version n; stored events
 * stay as they are, and are read through these.
 */
export function changed<S extends StandardSchemaV1>(
  schema: S,
  upcasts: Readonly<Record<number, Upcast>>,
): ChangedSchema<S> {
  return { schema, upcasts };
}

/** Throws CONFIG_INVALID on a name that is not PascalCase, a value that is no Standard Schema, or a version left out. */
export function defineEvents<const D extends Readonly<Record<string, Declared>>>(declared: D): Events<D> {
  const catalogue = Object.fromEntries(
    Object.entries(declared).map(([type, given]) => [type, eventType(type, given)]),
  );
  return catalogue as EventCatalogue as Events<D>;
}

function eventType(type: string, declared: Declared): EventType {
  const invalid = (what: string, remedy: string): BanyanError =>
    new BanyanError('CONFIG_INVALID', what, { remedy });
  if (!/^[A-Z][A-Za-z0-9]*$/.test(type)) {
    throw invalid(
      `An event cannot be called "${type}"`,
      'Name events in PascalCase and the past tense: PostPublished.',
    );
  }
  const { schema, upcasts } = isChanged(declared) ? declared : { schema: declared, upcasts: {} };
  if (typeof schema?.['~standard']?.validate !== 'function') {
    throw invalid(
      `Event ${type} has no schema`,
      'Give it a schema of a Standard Schema library: Zod, Valibot, ArkType …',
    );
  }
  const versions = Object.keys(upcasts).map(Number);
  const steps = versions.map((_, index) => upcasts[index + 1]);
  const gap = steps.findIndex((step) => typeof step !== 'function');
  if (gap >= 0) {
    throw invalid(
      `Event ${type} does not say how its version ${gap + 1} is read`,
      `Give \`changed\` a function for each version from 1 on, without a gap.`,
    );
  }
  return { schema, version: versions.length + 1, upcasts: steps as readonly Upcast[] };
}

function isChanged(declared: Declared): declared is ChangedSchema<StandardSchemaV1> {
  return typeof declared === 'object' && declared !== null && 'upcasts' in declared && 'schema' in declared;
}
