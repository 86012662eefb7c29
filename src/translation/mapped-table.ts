// A captured table with all that translation needs of it: its shape, its mapping, and the events its domain may emit.

import { decodeRow } from '../domain/decode-row.ts';
import type { Domain, Emission, Emit, Emitted, TableMapping } from '../domain/domain.ts';
import type { SourceTable } from '../domain/source-schema.ts';
import { flattenEmission, type ValidEvent, validateEvent } from '../domain/validate-event.ts';
import { BanyanError } from '../kernel/error.ts';
import { categoryOf, type StreamName } from '../kernel/stream.ts';
import type { Telling } from './merge.ts';

/** An event, but for what only its place in the log gives it. */
export interface MappedEvent extends ValidEvent {
  readonly stream: StreamName;
}

export interface MappedTable {
  readonly name: string;
  readonly source: SourceTable;
  readonly columns: readonly string[];
  /** Pure, but for a schema that validates asynchronously. Throws when the mapping throws or an event breaks its schema. */
  map(telling: Telling): Promise<readonly MappedEvent[]> | readonly MappedEvent[];
}

export function mappedTables(domains: readonly Domain[]): readonly MappedTable[] {
  return domains.flatMap((domain) =>
    Object.entries(domain.capture.tables).map(([name, mapping]) => mapTable(domain, name, mapping)),
  );
}

function mapTable(domain: Domain, name: string, mapping: TableMapping): MappedTable {
  const source = domain.capture.source.tables[name];
  if (!source) {
    throw new BanyanError(
      'CONFIG_INVALID',
      `Domain ${domain.name} maps the table ${name}, which its source does not declare`,
    );
  }
  const emit: Emit = Object.fromEntries(
    Object.keys(domain.events).map((type) => [type, (data: unknown): Emitted => ({ type, data })]),
  );
  return {
    name,
    source,
    columns: Object.keys(source.columns),
    map(telling) {
      const row = decodeRow(source, telling.op === 'delete' ? telling.before : telling.row);
      const stream = mapping.stream(row);
      categoryOf(stream);
      const emission = emissionOf(mapping, emit, row, telling, () =>
        decodeRow(source, telling.op === 'update' ? telling.before : {}),
      );
      const inStream = (event: ValidEvent): MappedEvent => ({ stream, ...event });
      const events = flattenEmission(emission).map((one) => validateEvent(domain.events, stream, one));
      return events.some((event) => event instanceof Promise)
        ? Promise.all(events).then((valid) => valid.map(inStream))
        : (events as readonly ValidEvent[]).map(inStream);
    },
  };
}

function emissionOf(
  mapping: TableMapping,
  emit: Emit,
  row: Readonly<Record<string, unknown>>,
  telling: Telling,
  before: () => Readonly<Record<string, unknown>>,
): Emission {
  switch (telling.op) {
    case 'update':
      return mapping.update(emit, row, before());
    case 'delete':
      return mapping.delete(emit, row);
    case 'insert':
      return mapping.insert(emit, row);
    case 'backfill':
      return mapping.backfill(emit, row);
  }
}
