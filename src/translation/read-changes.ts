// From a captured transaction's rows (arrays in a relation's column order) to row changes by column name and key.
import {
  type CapturedRow,
  type Change,
  type ChunkMark,
  type Relation,
  type TableBackfilledMark,
  UNCHANGED,
} from '../capture/change.ts';
import type { RawRow } from '../domain/decode-row.ts';
import { BanyanError } from '../kernel/error.ts';
import type { MappedTable } from './mapped-table.ts';
import type { ChangeOrigin, RowChange } from './translation-state.ts';

/** The key's texts in the declared order: the same for a live change and for a backfilled row. */
export function keyOf(table: MappedTable, row: RawRow): string {
  const values = table.source.key.map((column) => {
    const value = row[column];
    if (typeof value !== 'string') {
      throw new BanyanError(
        'TABLE_NOT_CAPTURABLE',
        `A change of ${table.name} comes without its key column ${column}`,
        {
          why: 'the replica identity of the table does not cover the declared key',
        },
      );
    }
    return value;
  });
  return JSON.stringify(values);
}

export function rowChange(
  table: MappedTable,
  relation: Relation,
  change: Change & { readonly op: 'insert' | 'update' | 'delete' },
  origin: ChangeOrigin,
): { readonly key: string; readonly change: RowChange } {
  if (change.op === 'delete') {
    return { key: keyOf(table, named(relation, change.old)), change: { op: 'delete', origin } };
  }
  const row = named(relation, change.row);
  if (change.op === 'insert') return { key: keyOf(table, row), change: { op: 'insert', row, origin } };
  const old = change.old && named(relation, change.old);
  // Under REPLICA IDENTITY FULL the old row has what the new one leaves out.
  const whole = old && relation.replicaIdentity === 'full' ? { ...old, ...row } : row;
  const newKey = keyOf(table, whole);
  const oldKey = old ? keyOf(table, old) : newKey;
  if (oldKey === newKey) return { key: newKey, change: { op: 'update', row: whole, origin } };
  return { key: oldKey, change: { op: 'move', row: whole, newKey, origin } };
}

/** A backfill's mark; undefined when it is none: whoever may read the database may emit any message. */
export function readMark(content: string): ChunkMark | TableBackfilledMark | undefined {
  let mark: Partial<ChunkMark & TableBackfilledMark> | null;
  try {
    mark = JSON.parse(content) as typeof mark;
  } catch {
    return undefined;
  }
  const { table, generation, chunk, version, chunks } = mark ?? {};
  const isNumber = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
  if (typeof table !== 'string' || !isNumber(generation)) return undefined;
  if (isNumber(chunk) && isNumber(version) && version > 0) return { table, generation, chunk, version };
  return isNumber(chunks) ? { table, generation, chunks } : undefined;
}

/** By column name; a value that was not sent is absent. */
function named(relation: Relation, row: CapturedRow): RawRow {
  const values: Record<string, string | null> = {};
  for (let index = 0; index < row.length; index += 1) {
    const value = row[index]!;
    if (value !== UNCHANGED) values[relation.columns[index]!.name] = value;
  }
  return values;
}
