// The events of a domain: past-tense names, each with a schema of any Standard Schema library. Their names and shapes are
// stored for ever.
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { BanyanError } from '../kernel/error.ts';
import type { EventCatalogue, EventType } from './domain.ts';

export type Events<S extends Readonly<Record<string, StandardSchemaV1>>> = {
  readonly [K in keyof S]: EventType & { readonly schema: S[K] };
};

export type InputOf<E extends EventType> = StandardSchemaV1.InferInput<E['schema']>;
export type OutputOf<E extends EventType> = StandardSchemaV1.InferOutput<E['schema']>;

/** Throws CONFIG_INVALID on a name that is not PascalCase, or a value that is no Standard Schema. */
export function defineEvents<const S extends Readonly<Record<string, StandardSchemaV1>>>(
  schemas: S,
): Events<S> {
  const catalogue: Record<string, EventType> = {};
  for (const [type, schema] of Object.entries(schemas)) {
    if (!/^[A-Z][A-Za-z0-9]*$/.test(type)) {
      throw new BanyanError('CONFIG_INVALID', `An event cannot be called "${type}"`, {
        remedy: 'Name events in PascalCase and the past tense: PostPublished.',
      });
    }
    if (typeof schema?.['~standard']?.validate !== 'function') {
      throw new BanyanError('CONFIG_INVALID', `Event ${type} has no schema`, {
        remedy: 'Give it a schema of a Standard Schema library: Zod, Valibot, ArkType …',
      });
    }
    catalogue[type] = { schema, version: 1 };
  }
  return catalogue as EventCatalogue as Events<S>;
}
