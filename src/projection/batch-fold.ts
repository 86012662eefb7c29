// The writes of a batch, folded per key, so that each row is loaded at most once and written at most once. The result
// equals running the handlers one by one in log order.
import type { Projection, Row, StoreTable, TableWriter } from '../domain/domain.ts';
import type { ReadStore, TableChanges } from './read-store.ts';

/** What the batch has done to a key so far. */
type Folded =
  /** Known: the row as it will be (undefined = none). */
  | { readonly kind: 'known'; readonly row: Row | undefined; readonly isChanged: boolean }
  /** Not known yet: what becomes of a row that is there, and of one that is not. */
  | { readonly kind: 'delta'; readonly ifPresent: (row: Row) => Row; readonly ifAbsent: Row | undefined };

interface Entry {
  readonly key: Row;
  folded: Folded;
}

export class BatchFold {
  readonly tables: Readonly<Record<string, TableWriter>>;
  readonly #folds: ReadonlyMap<string, TableFold>;

  constructor(projection: Projection, store: ReadStore) {
    this.#folds = new Map(
      Object.entries(projection.tables).map(([name, table]) => [name, new TableFold(name, table, store)]),
    );
    this.tables = Object.fromEntries(this.#folds);
  }

  /** What to write, with every row whole. Loads the rows that only a difference is known of. */
  async changes(): Promise<readonly TableChanges[]> {
    return Promise.all([...this.#folds.values()].map((fold) => fold.changes()));
  }

  clear(): void {
    for (const fold of this.#folds.values()) fold.clear();
  }
}

class TableFold implements TableWriter {
  readonly #name: string;
  readonly #table: StoreTable;
  readonly #store: ReadStore;
  readonly #entries = new Map<string, Entry>();

  constructor(name: string, table: StoreTable, store: ReadStore) {
    this.#name = name;
    this.#table = table;
    this.#store = store;
  }

  upsert(row: Row): void {
    this.#entry(row).folded = { kind: 'known', row: this.#complete(row), isChanged: true };
  }

  patch(key: Row, columns: Row): void {
    const entry = this.#entry(key);
    const { folded } = entry;
    if (folded.kind === 'known') {
      if (folded.row) entry.folded = { kind: 'known', row: { ...folded.row, ...columns }, isChanged: true };
    } else {
      entry.folded = {
        kind: 'delta',
        ifPresent: (row) => ({ ...folded.ifPresent(row), ...columns }),
        ifAbsent: folded.ifAbsent && { ...folded.ifAbsent, ...columns },
      };
    }
  }

  increment(key: Row, columns: Readonly<Record<string, number>>): void {
    const entry = this.#entry(key);
    const { folded } = entry;
    if (folded.kind === 'known') {
      entry.folded = {
        kind: 'known',
        row: add(folded.row ?? this.#complete(entry.key), columns),
        isChanged: true,
      };
    } else {
      entry.folded = {
        kind: 'delta',
        ifPresent: (row) => add(folded.ifPresent(row), columns),
        ifAbsent: add(folded.ifAbsent ?? this.#complete(entry.key), columns),
      };
    }
  }

  delete(key: Row): void {
    this.#entry(key).folded = { kind: 'known', row: undefined, isChanged: true };
  }

  async get(key: Row): Promise<Row | undefined> {
    const entry = this.#entry(key);
    if (entry.folded.kind === 'delta') {
      const isTouched = entry.folded.ifPresent !== unchanged;
      const [found] = await this.#store.load(this.#name, [entry.key]);
      entry.folded = { kind: 'known', row: resolve(entry.folded, found), isChanged: isTouched };
    }
    return entry.folded.row;
  }

  async changes(): Promise<TableChanges> {
    const open = [...this.#entries.values()].filter(
      ({ folded }) => folded.kind === 'delta' && folded.ifPresent !== unchanged,
    );
    const found =
      open.length === 0
        ? []
        : await this.#store.load(
            this.#name,
            open.map(({ key }) => key),
          );
    const upserts: Row[] = [];
    const deletes: Row[] = [];
    for (const [index, { folded }] of open.entries()) {
      const row = folded.kind === 'delta' ? resolve(folded, found[index]) : undefined;
      if (row) upserts.push(row);
    }
    for (const { key, folded } of this.#entries.values()) {
      if (folded.kind !== 'known' || !folded.isChanged) continue;
      if (folded.row) upserts.push(folded.row);
      else deletes.push(key);
    }
    return { table: this.#name, upserts, deletes };
  }

  clear(): void {
    this.#entries.clear();
  }

  #entry(row: Row): Entry {
    const { key } = this.#table;
    const id =
      key.length === 1 ? String(row[key[0]!]) : key.map((column) => String(row[column])).join('\u0000');
    let entry = this.#entries.get(id);
    if (!entry) {
      entry = {
        key: Object.fromEntries(key.map((column) => [column, row[column]])),
        folded: { kind: 'delta', ifPresent: unchanged, ifAbsent: undefined },
      };
      this.#entries.set(id, entry);
    }
    return entry;
  }

  /** The row with the defaults of the columns that were not given. */
  #complete(row: Row): Row {
    const whole: Record<string, unknown> = {};
    for (const name in this.#table.columns) {
      const column = this.#table.columns[name]!;
      whole[name] = row[name] !== undefined ? row[name] : (column.default ?? null);
    }
    return whole;
  }
}

const unchanged = (row: Row): Row => row;

function resolve(delta: Folded & { readonly kind: 'delta' }, found: Row | undefined): Row | undefined {
  return found ? delta.ifPresent(found) : delta.ifAbsent;
}

function add(row: Row, columns: Readonly<Record<string, number>>): Row {
  const sum: Record<string, unknown> = { ...row };
  for (const name in columns) sum[name] = Number(sum[name] ?? 0) + columns[name]!;
  return sum;
}
