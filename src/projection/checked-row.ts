// What handlers hand over, held to the table's columns before it is folded: so that a wrong value is its event's fault and
// not the batch's, and that a row read back from the buffer equals the row read back from the store.
import type { Row, StoreColumn, StoreTable } from '../domain/domain.ts';

/** A handler's mistake; its message names table and column, never a value. */
export class RowFault extends TypeError {}

/** A row that its holder may change in place. */
export type OwnRow = Record<string, unknown>;

const KIND_WORDS = {
  text: 'text',
  int: 'a whole number',
  float: 'a finite number',
  bool: 'true or false',
  json: 'JSON',
} as const;

export class CheckedTable {
  readonly #name: string;
  readonly #table: StoreTable;
  readonly #columns: readonly (readonly [name: string, column: StoreColumn])[];
  readonly #onlyKey: string | undefined;
  readonly #jsonColumns: readonly string[];

  constructor(name: string, table: StoreTable) {
    this.#name = name;
    this.#table = table;
    this.#columns = Object.entries(table.columns);
    this.#onlyKey = table.key.length === 1 ? table.key[0] : undefined;
    this.#jsonColumns = this.#columns.flatMap(([column, { kind }]) => (kind === 'json' ? [column] : []));
  }

  /** What tells one key from another in a Map. */
  identity(row: Row): unknown {
    if (this.#onlyKey !== undefined) return this.#keyValue(row, this.#onlyKey);
    return this.#table.key.map((column) => this.#keyValue(row, column)).join('\u0000');
  }

  keyOf(row: Row): Row {
    const key: OwnRow = {};
    for (const column of this.#table.key) key[column] = this.#keyValue(row, column);
    return key;
  }

  /** The whole row: what is not given gets its default, and what the table does not have is left out. */
  whole(row: Row): OwnRow {
    const whole: OwnRow = {};
    for (const [name, column] of this.#columns) {
      const given = row[name];
      whole[name] = this.#value(name, column, given === undefined ? column.default : given);
    }
    return whole;
  }

  /** The columns to set. Those of the key stay as they are. */
  part(key: Row, columns: Row): OwnRow {
    const part: OwnRow = {};
    for (const name in columns) {
      const column = this.#table.columns[name];
      if (!column || columns[name] === undefined) continue;
      const value = this.#value(name, column, columns[name]);
      if (!this.#table.key.includes(name)) part[name] = value;
      else if (value !== key[name]) throw this.#fault(name, 'is of the key, which a patch cannot change');
    }
    return part;
  }

  /** What to add, by column. */
  addends(columns: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
    for (const name in columns) {
      const kind = this.#table.columns[name]?.kind;
      if ((kind !== 'int' && kind !== 'float') || this.#table.key.includes(name))
        throw this.#fault(name, 'is no number that can be incremented');
      this.#value(name, this.#table.columns[name]!, columns[name] ?? Number.NaN);
    }
    return columns;
  }

  add(row: OwnRow, addends: Readonly<Record<string, number>>): void {
    for (const name in addends) {
      const sum = ((row[name] as number | null) ?? 0) + addends[name]!;
      row[name] = this.#value(name, this.#table.columns[name]!, sum);
    }
  }

  /** A copy for a handler: nothing it does to it changes the buffer. */
  copy(row: Row): Row {
    const copy: OwnRow = { ...row };
    for (const name of this.#jsonColumns) copy[name] = JSON.parse(JSON.stringify(copy[name])) as unknown;
    return copy;
  }

  #keyValue(row: Row, name: string): unknown {
    const value = this.#value(name, this.#table.columns[name]!, row[name]);
    if (typeof value === 'string' && value.includes('\u0000'))
      throw this.#fault(name, 'of a key holds a NUL');
    return value;
  }

  #value(name: string, { kind, isNullable }: StoreColumn, value: unknown): unknown {
    if (value === null || value === undefined) {
      if (isNullable) return null;
      throw this.#fault(name, `takes ${KIND_WORDS[kind]} and was given none`);
    }
    switch (kind) {
      case 'text':
        if (typeof value === 'string') return value.toWellFormed();
        break;
      case 'int':
        // Adding 0 turns -0, which no store keeps, into 0.
        if (Number.isSafeInteger(value)) return (value as number) + 0;
        break;
      case 'float':
        if (Number.isFinite(value)) return (value as number) + 0;
        break;
      case 'bool':
        if (typeof value === 'boolean') return value;
        break;
      case 'json':
        return value;
    }
    throw this.#fault(name, `takes ${KIND_WORDS[kind]}, not this ${typeof value}`);
  }

  #fault(column: string, why: string): RowFault {
    return new RowFault(`Column ${this.#name}.${column} ${why}`);
  }
}
