// What a service's store should hold, told from the source's rows alone: each row through its mapping's `backfill`, the
// events through the projection, into an empty store.
import type { Domain } from '../domain/domain.ts';
import type { RecordedEvent } from '../kernel/event.ts';
import { categoryOf } from '../kernel/stream.ts';
import { BatchFold } from '../projection/batch-fold.ts';
import type { ReadStore } from '../projection/read-store.ts';
import { mappedTables } from '../translation/mapped-table.ts';
import type { SourceSnapshot } from './ports.ts';

/** Fills `store` from the tables of `domains`; answers how many source rows that were. */
export async function fillExpected(
  store: ReadStore,
  domain: Domain,
  domains: readonly Domain[],
  source: SourceSnapshot,
  onRows: (rows: number) => void,
): Promise<number> {
  const { projection } = domain;
  const fold = new BatchFold(projection, store);
  let position = 0;
  let rows = 0;
  let stored: number | undefined;
  for (const table of mappedTables(domains)) {
    for await (const page of source.rows(table.source)) {
      for (const row of page) {
        for (const { stream, type, schemaVersion, data } of await table.map({ op: 'backfill', row })) {
          const handler = projection.on[type];
          position += 1;
          if (!handler) continue;
          const event: RecordedEvent = {
            id: '',
            type,
            time: new Date(0).toISOString(),
            schemaVersion,
            data,
            meta: { origin: 'backfill' },
            stream,
            category: categoryOf(stream),
            version: 1,
            position,
          };
          const pending = handler(event, fold.tables);
          if (pending) await pending;
        }
      }
      rows += page.length;
      onRows(rows);
      await store.commit(
        await fold.changes(),
        { log: { id: 'expected', recoveryEpoch: 0 }, position, frontier: {} },
        stored,
      );
      stored = position;
      fold.clear();
    }
  }
  return rows;
}
