// How far a table's copy is: the fold of its stream in the change log. A killed backfill goes on from exactly here.
import {
  type BackfillPlanned,
  type ChunkRead,
  type TableBackfilled,
  type TableOpened,
  tableStream,
} from '../capture/change.ts';
import type { EventStore } from '../event-store/event-store.ts';

export interface TableCopy {
  /** Of the table's stream: what the next append expects. */
  readonly version: number;
  /** 0: the table was never opened. */
  readonly generation: number;
  readonly plan: BackfillPlanned | undefined;
  /** By chunk number: where its `ChunkRead` stands in the stream, and how many rows it has. */
  readonly chunks: ReadonlyMap<number, { readonly version: number; readonly rows: number }>;
  readonly completed: TableBackfilled | undefined;
}

export async function readTableCopy(
  changeLog: EventStore,
  source: string,
  table: string,
): Promise<TableCopy> {
  let version = 0;
  let generation = 0;
  let plan: BackfillPlanned | undefined;
  let completed: TableBackfilled | undefined;
  let chunks = new Map<number, { version: number; rows: number }>();
  for await (const events of changeLog.readStream(tableStream(source, table), { batchSize: 20 })) {
    for (const event of events) {
      version = event.version;
      switch (event.type) {
        case 'TableOpened':
          ({ generation } = event.data as TableOpened);
          plan = undefined;
          completed = undefined;
          chunks = new Map();
          break;
        case 'BackfillPlanned':
          plan = event.data as BackfillPlanned;
          break;
        case 'ChunkRead': {
          const { chunk, rows } = event.data as ChunkRead;
          chunks.set(chunk, { version, rows: rows.length });
          break;
        }
        case 'TableBackfilled':
          completed = event.data as TableBackfilled;
      }
    }
  }
  return { version, generation, plan, chunks, completed };
}
