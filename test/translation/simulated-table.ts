// A table under transactions, as PostgreSQL would show it to a slot and to a reader: the log has transactions in commit
// order, a reader sees each a while later, and a row is locked until its writer is visible. Every version of every row
// has a number of its own, so that whatever is told can be held against what happened.
import type { RawRow } from '../../src/domain/decode-row.ts';
import type { Snapshot } from '../../src/translation/snapshot.ts';
import type { ChangeOrigin, RowChange } from '../../src/translation/translation-state.ts';

export type Operation =
  | { readonly does: 'put'; readonly key: number; readonly isNoteWritten: boolean }
  | { readonly does: 'remove'; readonly key: number }
  | { readonly does: 'move'; readonly key: number; readonly to: number; readonly isNoteWritten: boolean }
  | { readonly does: 'truncate' };

export interface Row {
  readonly id: string;
  readonly version: string;
  /** Large: it is sent only when it was written. */
  readonly note: string;
}

export type LoggedChange =
  | { readonly key: string; readonly change: RowChange }
  | { readonly truncatedBy: ChangeOrigin };

interface Write {
  readonly key: string;
  readonly row: Row | null;
}

interface Committed {
  readonly xid: number;
  readonly writes: readonly Write[];
  isVisible: boolean;
}

export const keyText = (key: number): string => JSON.stringify([String(key)]);

export class SimulatedTable {
  /** Per key, what happened to it in commit order: version numbers, and `gone`. */
  readonly history = new Map<string, string[]>();
  readonly #rows = new Map<string, Row>();
  readonly #committed: Committed[] = [];
  readonly #lastWriter = new Map<string, Committed>();
  /** Transactions that have begun: they commit in any order. */
  readonly #begun = [3, 4, 5];
  #nextXid = 6;
  #version = 0;
  #position = 0;

  get rows(): ReadonlyMap<string, Row> {
    return this.#rows;
  }

  /** Commits one transaction; answers what the log has of it. What cannot be done (an insert twice) is left out. */
  commit(operations: readonly Operation[], pick: number): LoggedChange[] {
    const xid = this.#begun.splice(pick % this.#begun.length, 1)[0]!;
    this.#begun.push(this.#nextXid++);
    const writes: Write[] = [];
    const logged: LoggedChange[] = [];
    const position = this.nextPosition();
    for (const operation of operations) {
      const origin = this.#origin(xid, position, logged.length);
      const entry = this.#perform(operation, origin, writes);
      if (entry) logged.push(entry);
    }
    // Whoever empties a table lets no reader in before it is seen.
    const isVisible = operations.some(({ does }) => does === 'truncate');
    const committed: Committed = { xid, writes, isVisible };
    this.#committed.push(committed);
    for (const { key } of writes) this.#lastWriter.set(key, committed);
    return logged;
  }

  /** One more of the commits that no reader sees yet. */
  reveal(pick: number): void {
    const hidden = this.#committed.filter(({ isVisible }) => !isVisible);
    if (hidden.length > 0) hidden[pick % hidden.length]!.isVisible = true;
  }

  /** The rows with a key in (above, upTo], as one statement sees them, and what it sees. */
  read(above: number, upTo: number): { readonly snapshot: Snapshot; readonly rows: readonly Row[] } {
    const seen = new Map<string, Row>();
    for (const { isVisible, writes } of this.#committed) {
      if (!isVisible) continue;
      for (const { key, row } of writes) {
        if (row) seen.set(key, row);
        else seen.delete(key);
      }
    }
    const hidden = this.#committed.filter(({ isVisible }) => !isVisible).map(({ xid }) => xid);
    const running = [...this.#begun, ...hidden].map(BigInt);
    const xmin = running.reduce((least, xid) => (xid < least ? xid : least), BigInt(this.#nextXid));
    return {
      snapshot: { xmin, xmax: BigInt(this.#nextXid), running: new Set(running) },
      rows: [...seen.values()].filter(({ id }) => Number(id) > above && Number(id) <= upTo),
    };
  }

  nextPosition(): number {
    this.#position += 1;
    return this.#position;
  }

  originOfMark(): ChangeOrigin {
    return this.#origin(this.#nextXid++, this.nextPosition(), 0);
  }

  #perform(operation: Operation, origin: ChangeOrigin, writes: Write[]): LoggedChange | undefined {
    if (operation.does === 'truncate') {
      for (const one of this.#committed) one.isVisible = true;
      for (const key of [...this.#rows.keys()]) this.#write(key, null, writes);
      return { truncatedBy: origin };
    }
    const key = keyText(operation.key);
    this.#lock(key);
    const before = this.#rows.get(key);
    switch (operation.does) {
      case 'put': {
        const row = this.#nextRow(operation.key, before, operation.isNoteWritten);
        this.#write(key, row, writes);
        const op = before ? 'update' : 'insert';
        return { key, change: { op, row: sent(row, before), origin } };
      }
      case 'remove':
        if (!before) return undefined;
        this.#write(key, null, writes);
        return { key, change: { op: 'delete', origin } };
      case 'move': {
        const newKey = keyText(operation.to);
        this.#lock(newKey);
        if (!before || this.#rows.has(newKey)) return undefined;
        const row = this.#nextRow(operation.to, before, operation.isNoteWritten);
        this.#write(key, null, writes);
        this.#write(newKey, row, writes);
        return { key, change: { op: 'move', newKey, row: sent(row, before), origin } };
      }
    }
  }

  #nextRow(id: number, before: Row | undefined, isNoteWritten: boolean): Row {
    this.#version += 1;
    const note = before && !isNoteWritten ? before.note : `note ${this.#version}`;
    return { id: String(id), version: String(this.#version), note };
  }

  #write(key: string, row: Row | null, writes: Write[]): void {
    writes.push({ key, row });
    if (row) this.#rows.set(key, row);
    else this.#rows.delete(key);
    const happened = this.history.get(key) ?? [];
    happened.push(row ? row.version : 'gone');
    this.history.set(key, happened);
  }

  /** A row's last writer holds it until readers see what it wrote. */
  #lock(key: string): void {
    const writer = this.#lastWriter.get(key);
    if (writer) writer.isVisible = true;
  }

  #origin(xid: number, position: number, index: number): ChangeOrigin {
    return { lsn: `0/${position.toString(16)}`, xid, time: '', position, index };
  }
}

/** What the server sends of a row: without a large value that was left alone. */
function sent(row: Row, before: Row | undefined): RawRow {
  const { id, version, note } = row;
  return before?.note === note ? { id, version } : { id, version, note };
}
