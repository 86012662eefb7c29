// A row source as it is, with a test looking over its shoulder: what it reads, and something to do between a read and its mark.

import { postgresRowSource } from '../../src/backfill/postgres/postgres-row-source.ts';
import type { RowChunk, RowSource } from '../../src/backfill/row-source.ts';
import type { KeyText } from '../../src/capture/change.ts';

export interface WatchedRows extends RowSource {
  /** The upper bounds of the ranges that were read. */
  readonly reads: readonly KeyText[];
}

export function watchedRows(
  url: string,
  afterRead: (chunk: RowChunk, nth: number) => Promise<unknown> | unknown = () => undefined,
): WatchedRows {
  const rows = postgresRowSource({ url, size: 4 });
  const reads: KeyText[] = [];
  return {
    reads,
    plan: (table, chunkBytes) => rows.plan(table, chunkBytes),
    async read(table, lower, upper) {
      const chunk = await rows.read(table, lower, upper);
      reads.push(upper);
      await afterRead(chunk, reads.length);
      return chunk;
    },
    mark: (prefix, mark) => rows.mark(prefix, mark),
    [Symbol.asyncDispose]: () => rows[Symbol.asyncDispose](),
  };
}
