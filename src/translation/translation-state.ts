// PORT: what translation remembers between transactions. Everything here can be told again from the change log; it is
// behind the event log or equal to it, never ahead. Synchronous: it lives in the process that translates.
import type { Relation } from '../capture/change.ts';
import type { RawRow } from '../domain/decode-row.ts';
import type { Position } from '../kernel/event.ts';

/** Where a change came from: what its events will say of themselves. */
export interface ChangeOrigin {
  readonly lsn: string;
  readonly xid: number;
  readonly time: string;
  /** Its place among all changes: the change log's position, and the place within that transaction. */
  readonly position: Position;
  readonly index: number;
}

export function isLater(a: ChangeOrigin, b: ChangeOrigin): boolean {
  return a.position > b.position || (a.position === b.position && a.index > b.index);
}

export function isSamePlace(a: ChangeOrigin, b: ChangeOrigin): boolean {
  return a.position === b.position && a.index === b.index;
}

/** A change of one row, by column name. In `update` and `move` an absent column was left alone and not sent. */
export type RowChange =
  | { readonly op: 'insert'; readonly row: RawRow; readonly origin: ChangeOrigin }
  | { readonly op: 'update'; readonly row: RawRow; readonly origin: ChangeOrigin }
  /** The key changed; `depart` is a move that waits, held under the key that the row had. */
  | {
      readonly op: 'move' | 'depart';
      readonly row: RawRow;
      readonly newKey: string;
      readonly origin: ChangeOrigin;
    }
  | { readonly op: 'delete'; readonly origin: ChangeOrigin }
  /** A row of a backfill's chunk. */
  | { readonly op: 'import'; readonly row: RawRow; readonly origin: ChangeOrigin };

/** The last known state of a row; `row` null is a tombstone, kept while the table's copy is under way. */
export interface RowImage {
  readonly generation: number;
  readonly row: RawRow | null;
}

export interface TableState {
  readonly generation: number;
  /** The copy of this generation is not complete: a key without a fresh image may still come from a chunk. */
  readonly isPending: boolean;
  /** The last transaction that emptied the table during its copy: a chunk that does not see it was read before. */
  readonly truncatedBy: number | null;
}

export interface ParkedKey {
  readonly table: string;
  readonly key: string;
  readonly error: string;
  readonly changes: readonly RowChange[];
}

export interface TranslationState extends Disposable {
  /** Position in the change log up to which everything is in this state. */
  readonly checkpoint: Position;

  /** Everything between `begin` and `commit` becomes durable together, or not at all. */
  begin(): void;
  commit(checkpoint: Position): void;
  rollback(): void;

  relation(id: string): Relation | undefined;
  saveRelation(relation: Relation): void;

  table(table: string): TableState | undefined;
  saveTable(table: string, state: TableState): void;

  image(table: string, key: string): RowImage | undefined;
  saveImage(table: string, key: string, image: RowImage): void;
  removeImage(table: string, key: string): void;
  /** Live images in key order, paged: those after `after`; with `olderThan` only of earlier generations. */
  liveImages(
    table: string,
    after: string | undefined,
    limit: number,
    olderThan?: number,
  ): readonly { readonly key: string; readonly row: RawRow }[];
  removeTombstones(table: string): void;

  /** Changes of a key that wait for its chunk, in order. */
  held(table: string, key: string): readonly RowChange[];
  hold(table: string, key: string, change: RowChange): void;
  releaseHeld(table: string, key: string): void;
  releaseAllHeld(table: string): void;
  heldKeys(table: string): readonly string[];

  /** A key whose mapping failed, with the changes that queue behind it. */
  parked(table: string, key: string): ParkedKey | undefined;
  park(table: string, key: string, error: string, change: RowChange): void;
  unpark(table: string, key: string): void;
  allParked(limit: number): readonly ParkedKey[];
  parkedKeys(table: string): readonly string[];

  isChunkApplied(table: string, generation: number, chunk: number): boolean;
  saveChunkApplied(table: string, generation: number, chunk: number): void;

  countUnmapped(table: string, op: string): void;
  figures(): TranslationFigures;
}

export interface TranslationFigures {
  readonly tables: readonly {
    readonly table: string;
    readonly state: 'pending' | 'live';
    readonly rows: number;
  }[];
  readonly unmapped: readonly { readonly table: string; readonly op: string; readonly count: number }[];
  /** At most 100. */
  readonly parked: readonly {
    readonly table: string;
    readonly key: string;
    readonly error: string;
    readonly waiting: number;
  }[];
}
