// The merge of live changes and backfilled rows, per key: one creation, then its changes in commit order, whatever a chunk
// read and when. It rests on one rule: a key whose image is fresh has been told; everything else about it waits for its chunk.
//
// A change passes at once when its key's image is fresh (or when it is an insert, which nothing can precede). An update or
// delete of a key without a fresh image is held while its table's copy is pending. At a chunk's place in the log, each row
// whose image is not fresh is told, and then the held changes that the chunk's snapshot does not see; those that it
// sees are in the row already. A row whose image is fresh is skipped: whatever the snapshot sees stands before the chunk's
// mark in the log, so that image is at least as new. This needs no order of keys, and is replayable.
import type { RawRow } from '../domain/decode-row.ts';
import { type Snapshot, sees } from './snapshot.ts';
import {
  isLater,
  type RowChange,
  type RowImage,
  type TableState,
  type TranslationState,
} from './translation-state.ts';

/** What a row change amounts to; `backfill` tells a row's past from what is left of it. */
export type Telling =
  | { readonly op: 'insert' | 'backfill'; readonly row: RawRow }
  | { readonly op: 'update'; readonly row: RawRow; readonly before: RawRow }
  | { readonly op: 'delete'; readonly before: RawRow };

/** Makes events of a change, or throws: then the key is parked and nothing about it was remembered. */
export type Tell = (table: string, key: string, telling: Telling, change: RowChange) => void | Promise<void>;

const PAGE = 500;

export class Merge {
  readonly #state: TranslationState;
  readonly #tell: Tell;
  readonly #columns: (table: string) => readonly string[];
  readonly #onParked: (table: string, key: string, error: unknown) => void;

  constructor(
    state: TranslationState,
    options: {
      readonly tell: Tell;
      /** The declared columns of a table: an image that has them all is complete. */
      readonly columns: (table: string) => readonly string[];
      readonly onParked: (table: string, key: string, error: unknown) => void;
    },
  ) {
    this.#state = state;
    this.#tell = options.tell;
    this.#columns = options.columns;
    this.#onParked = options.onParked;
  }

  /** A new generation of the table's copy begins: what is known of its rows may be out of date. */
  openTable(table: string, generation: number): void {
    this.#state.saveTable(table, { generation, isPending: true });
  }

  /** One row change, in its place in the log. */
  async apply(table: string, key: string, change: RowChange): Promise<void> {
    const queue = this.#state.parked(table, key);
    if (queue) this.#state.park(table, key, queue.error, change);
    else await this.#attempt(table, key, change);
  }

  /** The rows of a chunk, read in `snapshot`, at the place of its mark. */
  async applyChunk(
    table: string,
    generation: number,
    chunk: number,
    snapshot: Snapshot,
    rows: readonly { readonly key: string; readonly change: RowChange }[],
  ): Promise<void> {
    const state = this.#table(table);
    if (
      !state.isPending ||
      state.generation !== generation ||
      this.#state.isChunkApplied(table, generation, chunk)
    )
      return;
    for (const { key, change } of rows) {
      const held = this.#state.held(table, key);
      const isTold = this.#isFresh(state, this.#state.image(table, key));
      if (held.length > 0) this.#state.releaseHeld(table, key);
      await this.apply(table, key, change);
      if (isTold) continue;
      for (const late of held) if (!sees(snapshot, late.origin.xid)) await this.apply(table, key, late);
    }
    this.#state.saveChunkApplied(table, generation, chunk);
  }

  /** Every chunk was applied. What no chunk had is gone from the source, and what waited for a chunk went with it. */
  async completeTable(table: string, generation: number, origin: RowChange['origin']): Promise<void> {
    const state = this.#table(table);
    if (!state.isPending || state.generation !== generation) return;
    for (;;) {
      const stale = this.#state.liveImages(table, undefined, PAGE, generation);
      if (stale.length === 0) break;
      for (const { key } of stale) {
        await this.apply(table, key, { op: 'delete', origin });
        // A key that was parked keeps its image; a second look must not find it stale again.
        if (this.#state.parked(table, key)) this.#state.saveImage(table, key, { generation, row: null });
      }
    }
    this.#state.releaseAllHeld(table);
    this.#state.removeTombstones(table);
    this.#state.saveTable(table, { generation, isPending: false });
  }

  async truncate(table: string, origin: RowChange['origin']): Promise<void> {
    let after: string | undefined;
    for (;;) {
      const live = this.#state.liveImages(table, after, PAGE);
      if (live.length === 0) break;
      for (const { key } of live) await this.apply(table, key, { op: 'delete', origin });
      after = live[live.length - 1]!.key;
    }
    this.#state.releaseAllHeld(table);
  }

  /** Tries a parked key again, in order, once a mapping was corrected. Answers whether it is free. */
  async retry(table: string, key: string): Promise<boolean> {
    const parked = this.#state.parked(table, key);
    if (!parked) return true;
    this.#state.unpark(table, key);
    for (const change of parked.changes) await this.apply(table, key, change);
    return this.#state.parked(table, key) === undefined;
  }

  async #attempt(table: string, key: string, change: RowChange): Promise<void> {
    try {
      await this.#dispatch(this.#table(table), table, key, change);
    } catch (error) {
      this.#state.park(table, key, error instanceof Error ? error.message : String(error), change);
      this.#onParked(table, key, error);
    }
  }

  async #dispatch(state: TableState, table: string, key: string, change: RowChange): Promise<void> {
    const image = this.#state.image(table, key);
    switch (change.op) {
      case 'insert':
        await this.#create(state, table, key, image, change.row, 'insert', change);
        this.#state.releaseHeld(table, key);
        return;
      case 'import':
        if (this.#isFresh(state, image)) return;
        await this.#create(state, table, key, image, change.row, 'backfill', change);
        return;
      case 'update': {
        const row = this.#complete(state, table, image, change.row);
        if (row) await this.#create(state, table, key, image, row, 'insert', change);
        else this.#wait(state, table, key, change);
        return;
      }
      case 'delete':
        if (image?.row) await this.#remove(state, table, key, image.row, change);
        else if (!image) this.#wait(state, table, key, change);
        return;
      case 'move': {
        const row = this.#complete(state, table, image, change.row);
        if (!row || !image?.row) return this.#wait(state, table, key, change);
        await this.#remove(state, table, key, image.row, change);
        await this.#arrive(state, table, change.newKey, row, change);
      }
    }
  }

  /** Tells a row that is there now: as a change of the one before it where there was one. */
  async #create(
    state: TableState,
    table: string,
    key: string,
    image: RowImage | undefined,
    row: RawRow,
    op: 'insert' | 'backfill',
    change: RowChange,
  ): Promise<void> {
    const before = image?.row;
    if (!before) await this.#tell(table, key, { op, row }, change);
    else if (change.op !== 'import' || !isSameRow(before, row))
      await this.#tell(table, key, { op: 'update', row, before }, change);
    this.#state.saveImage(table, key, { generation: state.generation, row });
  }

  async #remove(
    state: TableState,
    table: string,
    key: string,
    before: RawRow,
    change: RowChange,
  ): Promise<void> {
    await this.#tell(table, key, { op: 'delete', before }, change);
    // Without a tombstone a chunk that was read before the delete would bring the row back.
    if (state.isPending) this.#state.saveImage(table, key, { generation: state.generation, row: null });
    else this.#state.removeImage(table, key);
  }

  /** The new key of a row whose key changed. A fresh image there is at least as new as a move that was held. */
  async #arrive(
    state: TableState,
    table: string,
    key: string,
    row: RawRow,
    change: RowChange,
  ): Promise<void> {
    if (state.isPending && this.#isFresh(state, this.#state.image(table, key))) return;
    // What waits under the new key and came after the move belongs to the row that arrives.
    const later = this.#state.held(table, key).filter(({ origin }) => isLater(origin, change.origin));
    await this.apply(table, key, { op: 'insert', row, origin: change.origin });
    for (const next of later) await this.apply(table, key, next);
  }

  /** The whole row after an update; undefined when what was not sent is not known for sure. */
  #complete(state: TableState, table: string, image: RowImage | undefined, sent: RawRow): RawRow | undefined {
    if (image?.row && this.#isFresh(state, image)) return { ...image.row, ...sent };
    const isWhole = this.#columns(table).every((column) => column in sent);
    // Nothing is known of the row: while its chunk may still come, the chunk tells its past better than a guess.
    return isWhole && (image?.row || !state.isPending) ? sent : undefined;
  }

  #wait(state: TableState, table: string, key: string, change: RowChange): void {
    if (state.isPending) this.#state.hold(table, key, change);
    else if (change.op === 'delete') this.#state.countUnmapped(table, 'delete of an unknown row');
    else throw new Error('The change leaves columns out, and nothing is known of the row');
  }

  #isFresh(state: TableState, image: RowImage | undefined): boolean {
    return image !== undefined && (image.generation === state.generation || !state.isPending);
  }

  #table(table: string): TableState {
    return this.#state.table(table) ?? { generation: 0, isPending: false };
  }
}

function isSameRow(a: RawRow, b: RawRow): boolean {
  const columns = Object.keys(b);
  return columns.every((column) => a[column] === b[column]);
}
