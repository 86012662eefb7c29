// The merge of live changes and backfilled rows, per key: one creation, then its changes in commit order, whatever a chunk
// read and when. It rests on one rule: a key whose image is fresh has been told; everything else about it waits for its chunk.
//
// A change passes at once when its key's image is fresh (or when it is an insert, which nothing can precede). An update or
// delete of a key without a fresh image is held while its table's copy is pending. At a chunk's place in the log, each row
// whose image is not fresh is told, and then the held changes that the chunk's snapshot does not see; those that it
// sees are in the row already. A row whose image is fresh is skipped: whatever the snapshot sees stands before the chunk's
// mark in the log, so that image is at least as new. This needs no order of keys, and is replayable.
//
// A row whose key changes is a delete of the old key and an insert of the new one, each in its own key's order. Only when
// the server left a large value out and nothing is known of the row does the new key wait: for its own chunk or the old key's.
import type { RawRow } from '../domain/decode-row.ts';
import { type Snapshot, sees } from './snapshot.ts';
import {
  isLater,
  isSamePlace,
  type ParkedKey,
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

type InPlace = Exclude<RowChange, { readonly op: 'move' | 'depart' }>;
type Move = Extract<RowChange, { readonly op: 'move' | 'depart' }>;

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

  /** A new generation of the table's copy begins: what is known of its rows, and what waits, may be out of date. */
  openTable(table: string, generation: number): void {
    this.#state.releaseAllHeld(table);
    this.#state.removeTombstones(table);
    for (const key of this.#state.parkedKeys(table)) this.#state.unpark(table, key);
    this.#state.saveTable(table, { generation, isPending: true, truncatedBy: null });
  }

  /** One row change, in its place in the log. */
  async apply(table: string, key: string, change: RowChange): Promise<void> {
    if (isMove(change)) return this.#move(table, key, change);
    const queue = this.#state.parked(table, key);
    if (queue && !this.#isSuperseded(table, key, queue, change))
      return this.#state.park(table, key, queue.error, change);
    if (queue) this.#state.unpark(table, key);
    await this.#attempt(table, key, change);
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
    this.#state.saveChunkApplied(table, generation, chunk);
    // The rows were read before the table was emptied.
    if (state.truncatedBy !== null && !sees(snapshot, state.truncatedBy)) return;
    for (const { key, change } of rows) {
      const held = this.#state.held(table, key);
      const isNewer = held.some(({ origin }) => sees(snapshot, origin.xid));
      // What is parked is as good as told.
      const isTold = this.#isFresh(state, this.#state.image(table, key)) || this.#state.parked(table, key);
      if (isTold && !isNewer) continue;
      this.#state.releaseHeld(table, key);
      await this.apply(table, key, change);
      for (const late of held) if (!sees(snapshot, late.origin.xid)) await this.apply(table, key, late);
    }
  }

  /** Every chunk was applied. What no chunk had is gone from the source, and what waited for a chunk went with it. */
  async completeTable(table: string, generation: number, origin: RowChange['origin']): Promise<void> {
    const state = this.#table(table);
    if (!state.isPending || state.generation !== generation) return;
    // A row that came from another key and that no chunk had: it is there, and what is missing of it must show.
    const left = this.#state.heldKeys(table).map((key) => ({ key, changes: this.#leftOf(table, key) }));
    this.#state.releaseAllHeld(table);
    await this.#removeAll(table, origin, generation);
    this.#state.removeTombstones(table);
    this.#state.saveTable(table, { ...state, isPending: false });
    for (const { key, changes } of left) for (const change of changes) await this.apply(table, key, change);
  }

  async truncate(table: string, origin: RowChange['origin']): Promise<void> {
    for (const key of this.#state.parkedKeys(table)) await this.apply(table, key, { op: 'delete', origin });
    await this.#removeAll(table, origin);
    this.#state.releaseAllHeld(table);
    const state = this.#table(table);
    if (state.isPending) this.#state.saveTable(table, { ...state, truncatedBy: origin.xid });
  }

  /** Tries a parked key again, in order, once a mapping was corrected. Answers whether it is free. */
  async retry(table: string, key: string): Promise<boolean> {
    const parked = this.#state.parked(table, key);
    if (!parked) return true;
    this.#state.unpark(table, key);
    for (const change of parked.changes) await this.apply(table, key, change);
    return this.#state.parked(table, key) === undefined;
  }

  /** What waits for a row that was not removed afterwards. */
  #leftOf(table: string, key: string): readonly RowChange[] {
    const held = this.#state.held(table, key);
    return held.slice(held.findLastIndex(({ op }) => op === 'delete' || op === 'depart') + 1);
  }

  /** Tells that the live rows are gone; with `olderThan` only those of earlier generations. A parked key's queue knows better. */
  async #removeAll(table: string, origin: RowChange['origin'], olderThan?: number): Promise<void> {
    let after: string | undefined;
    for (;;) {
      const live = this.#state.liveImages(table, after, PAGE, olderThan);
      if (live.length === 0) return;
      for (const { key } of live)
        if (!this.#state.parked(table, key)) await this.apply(table, key, { op: 'delete', origin });
      after = live[live.length - 1]!.key;
    }
  }

  async #attempt(table: string, key: string, change: InPlace): Promise<void> {
    try {
      await this.#dispatch(this.#table(table), table, key, change);
    } catch (error) {
      this.#state.park(table, key, error instanceof Error ? error.message : String(error), change);
      this.#onParked(table, key, error);
    }
  }

  async #dispatch(state: TableState, table: string, key: string, change: InPlace): Promise<void> {
    const image = this.#state.image(table, key);
    switch (change.op) {
      case 'insert':
        return this.#create(state, table, key, image, change.row, 'insert', change);
      case 'import':
        return this.#create(state, table, key, image, change.row, 'backfill', change);
      case 'update': {
        const row = this.#complete(state, table, image, change.row);
        if (row) await this.#create(state, table, key, image, row, 'insert', change);
        else this.#wait(state, table, key, change);
        return;
      }
      case 'delete':
        if (image?.row) await this.#remove(state, table, key, image.row, change);
        else if (!image || this.#state.held(table, key).length > 0) this.#wait(state, table, key, change);
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
    this.#overtake(state, table, key);
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
    this.#overtake(state, table, key);
    await this.#tell(table, key, { op: 'delete', before }, change);
    // Without a tombstone a chunk that was read before the delete would bring the row back.
    if (state.isPending) this.#state.saveImage(table, key, { generation: state.generation, row: null });
    else this.#state.removeImage(table, key);
  }

  /** What waits came before the change that is about to be told, or parked. */
  #overtake(state: TableState, table: string, key: string): void {
    if (state.isPending) this.#state.releaseHeld(table, key);
  }

  /** `move` in its place in the log; `depart` once more is known of the row. */
  async #move(table: string, key: string, move: Move): Promise<void> {
    const { newKey, origin } = move;
    const row = this.#moved(table, key, move.row);
    if (row) {
      const waiting = this.#state.held(table, newKey);
      await this.apply(table, key, { op: 'delete', origin });
      // A chunk that saw the row under its new key has told it.
      if (move.op === 'depart' && !waiting.some((change) => isSamePlace(change.origin, origin))) return;
      await this.apply(table, newKey, { op: 'insert', row, origin });
      for (const next of waiting) if (isLater(next.origin, origin)) await this.apply(table, newKey, next);
      return;
    }
    if (this.#table(table).isPending && !this.#state.parked(table, key))
      this.#state.hold(table, key, { ...move, op: 'depart' });
    else await this.apply(table, key, { op: 'delete', origin });
    // What is known of the row waits under its new key.
    if (move.op === 'move') await this.apply(table, newKey, { op: 'update', row: move.row, origin });
  }

  /** The whole row that moves; undefined when what was not sent is not known, not even from what is parked. */
  #moved(table: string, key: string, sent: RawRow): RawRow | undefined {
    const image = this.#state.image(table, key);
    let known: RawRow = image?.row && this.#isFresh(this.#table(table), image) ? image.row : {};
    for (const change of this.#state.parked(table, key)?.changes ?? []) {
      known = change.op === 'delete' ? {} : { ...known, ...change.row };
    }
    const row = { ...known, ...sent };
    return this.#isWhole(table, row) ? row : undefined;
  }

  /** The whole row after an update; undefined when what was not sent is not known for sure. */
  #complete(state: TableState, table: string, image: RowImage | undefined, sent: RawRow): RawRow | undefined {
    if (image?.row && this.#isFresh(state, image)) return { ...image.row, ...sent };
    // Nothing is known of the row: while its chunk may still come, the chunk tells its past better than a guess.
    return this.#isWhole(table, sent) && (image?.row || !state.isPending) ? sent : undefined;
  }

  #isWhole(table: string, row: RawRow): boolean {
    return this.#columns(table).every((column) => column in row);
  }

  /** A key is parked because too little is known of its row, and this change tells all of it, or that it is gone. */
  #isSuperseded(table: string, key: string, { changes: [first] }: ParkedKey, change: InPlace): boolean {
    if (first!.op !== 'update' || this.#isWhole(table, first!.row) || this.#state.image(table, key)?.row)
      return false;
    return change.op === 'delete' || this.#isWhole(table, change.row);
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
    return this.#state.table(table) ?? { generation: 0, isPending: false, truncatedBy: null };
  }
}

function isMove(change: RowChange): change is Move {
  return change.op === 'move' || change.op === 'depart';
}

function isSameRow(a: RawRow, b: RawRow): boolean {
  const columns = Object.keys(b);
  return columns.every((column) => a[column] === b[column]);
}
