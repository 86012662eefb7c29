// The writes of a batch, folded per key, so that each row is loaded at most once and written at most once. The result
// equals running the handlers one by one in log order.
import type { Projection, Row, StoreTable, TableWriter } from '../domain/domain.ts';
import { CheckedTable, type OwnRow } from './checked-row.ts';
import type { ReadStore, TableChanges } from './read-store.ts';

/** The store did not answer: no handler's fault, so nothing is parked for it. */
export class StoreFault extends Error {}

/** What is to be done to a row that has not been looked at yet. */
type Step = { readonly patch: Row } | { readonly add: Readonly<Record<string, number>> };

interface Entry {
  readonly key: Row;
  /** Whether `row` says what is there (undefined = nothing); until then `steps` wait for it, in order. */
  isKnown: boolean;
  row: OwnRow | undefined;
  steps: Step[];
  isChanged: boolean;
}

export class BatchFold {
  readonly tables: Readonly<Record<string, TableWriter>>;
  readonly #folds: readonly TableFold[];

  constructor(projection: Projection, store: ReadStore) {
    const folds = Object.entries(projection.tables).map(
      ([name, table]) => [name, new TableFold(name, table, store)] as const,
    );
    this.tables = Object.fromEntries(folds);
    this.#folds = folds.map(([, fold]) => fold);
  }

  /** What to write, with every row whole. Loads the rows that were changed without being looked at. */
  async changes(): Promise<readonly TableChanges[]> {
    const all: TableChanges[] = [];
    for (const fold of this.#folds) {
      const changes = await fold.changes();
      if (changes.upserts.length + changes.deletes.length > 0) all.push(changes);
    }
    return all;
  }

  clear(): void {
    for (const fold of this.#folds) fold.clear();
  }
}

class TableFold implements TableWriter {
  readonly #name: string;
  readonly #table: CheckedTable;
  readonly #store: ReadStore;
  readonly #entries = new Map<unknown, Entry>();

  constructor(name: string, table: StoreTable, store: ReadStore) {
    this.#name = name;
    this.#table = new CheckedTable(name, table);
    this.#store = store;
  }

  upsert(row: Row): void {
    const whole = this.#table.whole(row);
    this.#known(this.#entry(row), whole);
  }

  delete(key: Row): void {
    this.#known(this.#entry(key), undefined);
  }

  patch(key: Row, columns: Row): void {
    const entry = this.#entry(key);
    this.#take(entry, { patch: this.#table.part(entry.key, columns) });
  }

  increment(key: Row, columns: Readonly<Record<string, number>>): void {
    this.#take(this.#entry(key), { add: this.#table.addends(columns) });
  }

  async get(key: Row): Promise<Row | undefined> {
    const entry = this.#entry(key);
    if (!entry.isKnown) {
      const [found] = await this.#load([entry.key]);
      // Handlers run one after another, but one may ask for a key twice at once.
      if (!entry.isKnown) this.#settle(entry, found);
    }
    return entry.row && this.#table.copy(entry.row);
  }

  async changes(): Promise<TableChanges> {
    const open = [...this.#entries.values()].filter(({ isKnown }) => !isKnown);
    if (open.length > 0) {
      const found = await this.#load(open.map(({ key }) => key));
      for (const [index, entry] of open.entries()) this.#settle(entry, found[index]);
    }
    const upserts: Row[] = [];
    const deletes: Row[] = [];
    for (const { key, row, isChanged } of this.#entries.values()) {
      if (!isChanged) continue;
      if (row) upserts.push(row);
      else deletes.push(key);
    }
    return { table: this.#name, upserts, deletes };
  }

  clear(): void {
    this.#entries.clear();
  }

  async #load(keys: readonly Row[]): Promise<readonly (Row | undefined)[]> {
    try {
      return await this.#store.load(this.#name, keys);
    } catch (cause) {
      throw new StoreFault('The store did not answer', { cause });
    }
  }

  #entry(row: Row): Entry {
    const identity = this.#table.identity(row);
    let entry = this.#entries.get(identity);
    if (!entry) {
      entry = {
        key: this.#table.keyOf(row),
        isKnown: false,
        row: undefined,
        steps: [],
        isChanged: false,
      };
      this.#entries.set(identity, entry);
    }
    return entry;
  }

  #known(entry: Entry, row: OwnRow | undefined): void {
    entry.isKnown = true;
    entry.isChanged = true;
    entry.row = row;
    entry.steps = [];
  }

  #take(entry: Entry, step: Step): void {
    if (entry.isKnown) this.#apply(entry, step);
    else entry.steps.push(step);
  }

  #settle(entry: Entry, found: Row | undefined): void {
    entry.isKnown = true;
    entry.row = found && { ...found };
    for (const step of entry.steps) this.#apply(entry, step);
    entry.steps = [];
  }

  #apply(entry: Entry, step: Step): void {
    if ('patch' in step) {
      if (!entry.row) return;
      Object.assign(entry.row, step.patch);
    } else {
      entry.row ??= this.#table.whole(entry.key);
      this.#table.add(entry.row, step.add);
    }
    entry.isChanged = true;
  }
}
