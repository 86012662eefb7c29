// PORT: a table of the source as a backfill reads it: cut into ranges of keys, one range at a time, each with the snapshot
// that it was read in.
import type { ChunkMark, KeyText, TableBackfilledMark } from '../capture/change.ts';
import type { SourceTable } from '../domain/source-schema.ts';
import type { Lsn } from '../kernel/lsn.ts';

export interface RowPlan {
  readonly uppers: readonly KeyText[];
  readonly rows: number;
  readonly isEstimate: boolean;
}

export interface RowChunk {
  readonly snapshot: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

export interface RowSource extends AsyncDisposable {
  /** Ranges of about `chunkBytes` each, up to the greatest key there is now. */
  plan(table: SourceTable, chunkBytes: number): Promise<RowPlan>;

  /** The rows with a key above `lower` (absent: from the first) and at most `upper`, in key order, as one statement sees them. */
  read(table: SourceTable, lower: KeyText | undefined, upper: KeyText): Promise<RowChunk>;

  /** Emits a transactional message, durable when resolved; answers an LSN at or behind its commit. */
  mark(prefix: string, mark: ChunkMark | TableBackfilledMark): Promise<Lsn>;
}
