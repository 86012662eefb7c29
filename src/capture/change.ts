// What the change log holds: whole source transactions, raw, in commit order, with every value as the text that
// PostgreSQL sent. Nothing is mapped here, so nothing here can fail on a mapping.
//
// Streams of the change log, an event store of its own:
//   slot-<source>            SourceOpened, one for each slot that the source was captured through
//   source-<name>            TransactionCaptured for ever
//   table-<source>.<table>   TableOpened, BackfillPlanned, ChunkRead …, TableBackfilled: one table's copy

/** Stands in a row for a TOASTed value that the change left alone and the server therefore did not send. */
export const UNCHANGED = 0;
/** PostgreSQL's text form under the pinned session settings, SQL NULL, or `UNCHANGED`. */
export type CapturedValue = string | null | typeof UNCHANGED;
/** In the column order of its relation. */
export type CapturedRow = readonly CapturedValue[];

/** One version of a table's shape, as the server announced it before the rows that have it. */
export interface Relation {
  /** `<oid>.<n>`, n counting the announcements that differed. */
  readonly id: string;
  readonly schema: string;
  readonly table: string;
  readonly replicaIdentity: 'default' | 'nothing' | 'full' | 'index';
  readonly columns: readonly { readonly name: string; readonly typeOid: number; readonly isKey: boolean }[];
}

export type Change =
  | { readonly op: 'insert'; readonly relation: string; readonly row: CapturedRow }
  | {
      readonly op: 'update';
      readonly relation: string;
      readonly row: CapturedRow;
      /** The old tuple: only key columns filled (others null) when the key changed; whole under REPLICA IDENTITY FULL. */
      readonly old?: CapturedRow;
    }
  | { readonly op: 'delete'; readonly relation: string; readonly old: CapturedRow }
  | { readonly op: 'truncate'; readonly relations: readonly string[] }
  /** A transactional `pg_logical_emit_message`. Only prefixes that begin with `banyan` are kept. */
  | { readonly op: 'message'; readonly prefix: string; readonly content: string };

/** Data of `TransactionCaptured`. */
export interface SourceTransaction {
  /** 32 bits, unsigned, as pgoutput sends it. */
  readonly xid: number;
  readonly commitLsn: string;
  /** Just behind the commit record: what is confirmed, and this transaction's place in every comparison. */
  readonly endLsn: string;
  /** ISO 8601. */
  readonly committedAt: string;
  /** The replication origin, when the transaction was replayed from elsewhere. */
  readonly origin?: string;
  /** Relations announced since the transaction before: whoever reads in order knows every relation a change names. */
  readonly relations: readonly Relation[];
  readonly changes: readonly Change[];
}

/** Data of `SourceOpened`: which database this log captures, from the LSN in its meta on. A slot on any other is refused. */
export interface SourceOpened {
  readonly systemId: string;
  readonly timeline: number;
  readonly database: string;
  readonly slot: string;
  readonly publication: string;
}

/** Data of `TableOpened`: appended before the table enters the publication. Rows known from an earlier generation are stale. */
export interface TableOpened {
  readonly table: string;
  readonly generation: number;
}

/** A key's values in the order of the key's columns, as the server's texts. */
export type KeyText = readonly string[];

/** Data of `BackfillPlanned`: the table cut into ranges of keys. Keys above the last one arrive by the log alone. */
export interface BackfillPlanned {
  readonly generation: number;
  /** The inclusive upper bound of each range; a range begins behind the one before it, the first one anywhere. */
  readonly uppers: readonly KeyText[];
  readonly rows: number;
  /** The number of rows comes from the server's statistics. */
  readonly isEstimate: boolean;
}

/** Data of `TableBackfilled`: every chunk was marked and its completion sent. */
export interface TableBackfilled {
  readonly generation: number;
  readonly rows: number;
}

/**
 * Data of `ChunkRead`: rows of one range with the snapshot they were read in. Its place in the source's order is that of
 * the transactional message `banyan.chunk` (a `ChunkMark`), emitted after this was appended.
 */
export interface ChunkRead {
  readonly table: string;
  readonly generation: number;
  /** The range's place in the plan: one chunk each. */
  readonly chunk: number;
  /** `pg_current_snapshot()` of the very statement that read the rows: `xmin:xmax:xip,…`, 64-bit. */
  readonly snapshot: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** Content of the message `banyan.chunk`. */
export interface ChunkMark {
  readonly table: string;
  readonly generation: number;
  readonly chunk: number;
  /** Of the `ChunkRead` in the table's stream. */
  readonly version: number;
}

/** Content of the message `banyan.table-backfilled`, emitted after the mark of the last chunk. */
export interface TableBackfilledMark {
  readonly table: string;
  readonly generation: number;
  readonly chunks: number;
}

export const CHUNK_MARK = 'banyan.chunk';
export const TABLE_BACKFILLED_MARK = 'banyan.table-backfilled';

export function slotStream(source: string): string {
  return `slot-${source}`;
}

export function sourceStream(source: string): string {
  return `source-${source}`;
}

export function tableStream(source: string, table: string): string {
  return `table-${source}.${table}`;
}
