// Two tables in key order, merged row by row: what is missing, what is there too many, and what differs, by key.
import type { Row, StoreTable } from '../domain/domain.ts';

export interface Difference {
  readonly table: string;
  /** The key's values: enough to look the row up. No other value leaves the comparison. */
  readonly key: string;
  readonly difference: string;
}

export interface TableComparison {
  readonly table: string;
  readonly rows: number;
  readonly rowsDiffering: number;
  readonly samples: readonly Difference[];
}

type Pages = (after: Row | undefined) => Promise<readonly Row[]>;

const SAMPLES_MAX = 20;

export async function compareTables(
  name: string,
  table: StoreTable,
  expected: Pages,
  actual: Pages,
): Promise<TableComparison> {
  const left = new TableCursor(table, expected);
  const right = new TableCursor(table, actual);
  const samples: Difference[] = [];
  let rows = 0;
  let rowsDiffering = 0;
  const differs = (row: Row, difference: string): void => {
    rowsDiffering += 1;
    const key = table.key.map((column) => String(row[column])).join(', ');
    if (samples.length < SAMPLES_MAX) samples.push({ table: name, key, difference });
  };
  for (;;) {
    const a = await left.current();
    const b = await right.current();
    if (!a && !b) return { table: name, rows, rowsDiffering, samples };
    rows += 1;
    const order = !a ? 1 : !b ? -1 : compareKeys(table, a, b);
    if (order < 0) {
      differs(a!, 'missing in the store');
      left.next();
    } else if (order > 0) {
      differs(b!, 'in the store, but not at the source');
      right.next();
    } else {
      const columns = Object.keys(table.columns).filter(
        (column) => JSON.stringify(a![column]) !== JSON.stringify(b![column]),
      );
      if (columns.length > 0) differs(a!, `differs in ${columns.join(', ')}`);
      left.next();
      right.next();
    }
  }
}

class TableCursor {
  readonly #pages: Pages;
  readonly #table: StoreTable;
  #page: readonly Row[] = [];
  #at = 0;
  #last: Row | undefined;
  #isEnded = false;

  constructor(table: StoreTable, pages: Pages) {
    this.#table = table;
    this.#pages = pages;
  }

  async current(): Promise<Row | undefined> {
    if (this.#at >= this.#page.length && !this.#isEnded) {
      this.#page = await this.#pages(
        this.#last && Object.fromEntries(this.#table.key.map((column) => [column, this.#last![column]])),
      );
      this.#at = 0;
      this.#last = this.#page.at(-1);
      this.#isEnded = this.#page.length === 0;
    }
    return this.#page[this.#at];
  }

  next(): void {
    this.#at += 1;
  }
}

/** As the stores order keys: numbers by value, text by its bytes. */
function compareKeys(table: StoreTable, a: Row, b: Row): number {
  for (const column of table.key) {
    const left = a[column];
    const right = b[column];
    const order =
      typeof left === 'number' && typeof right === 'number'
        ? left - right
        : Buffer.compare(Buffer.from(String(left)), Buffer.from(String(right)));
    if (order !== 0) return order;
  }
  return 0;
}
