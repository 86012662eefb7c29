// A PostgreSQL table as a backfill reads it. The snapshot comes from the very statement that reads the rows; the values are
// the texts that the write-ahead log would have.
import type { KeyText } from '../../capture/change.ts';
import type { SourceTable } from '../../domain/source-schema.ts';
import { BanyanError } from '../../kernel/error.ts';
import { type Lsn, parseLsn } from '../../kernel/lsn.ts';
import { createPool, type PostgresPool, queryArrays, queryText, quoteName } from '../../postgres/connect.ts';
import type { RowChunk, RowPlan, RowSource } from '../row-source.ts';

const CHUNK_ROWS_MIN = 100;
const CHUNK_ROWS_MAX = 5_000;
/** Above this many rows the key index is sampled instead of read. */
const EXACT_ROWS_MAX = 2_000_000;
/** Keys sampled per range: more make the ranges more even. */
const SAMPLES_PER_RANGE = 20;

export interface PostgresRowSourceOptions {
  readonly url: string;
  /** Connections, and so ranges that are read at once. */
  readonly size: number;
}

export function postgresRowSource({ url, size }: PostgresRowSourceOptions): RowSource {
  return new PostgresRowSource(
    createPool(url, {
      applicationName: 'banyan backfill',
      size,
      settings: { synchronous_commit: 'local' },
    }),
  );
}

class PostgresRowSource implements RowSource {
  readonly #pool: PostgresPool;
  readonly #keyTypes = new Map<string, readonly string[]>();

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async plan(table: SourceTable, chunkBytes: number): Promise<RowPlan> {
    const [size] = await queryText(
      this.#pool,
      `SELECT greatest(reltuples, 0)::bigint AS rows, pg_table_size(oid) AS bytes FROM pg_class WHERE oid = $1::regclass`,
      [nameOf(table)],
    );
    const estimate = Number(size!.rows);
    const isSampled = estimate > EXACT_ROWS_MAX;
    const rows = isSampled
      ? estimate
      : Number((await queryText(this.#pool, `SELECT count(*) AS rows FROM ${nameOf(table)}`))[0]!.rows);
    const width = Math.max(1, Number(size!.bytes) / Math.max(1, rows));
    const chunkRows = Math.round(Math.min(CHUNK_ROWS_MAX, Math.max(CHUNK_ROWS_MIN, chunkBytes / width)));
    const uppers = isSampled
      ? await this.#sampleUppers(table, rows, chunkRows)
      : await this.#exactUppers(table, chunkRows);
    return { uppers, rows, isEstimate: isSampled };
  }

  async read(table: SourceTable, lower: KeyText | undefined, upper: KeyText): Promise<RowChunk> {
    const types = await this.#typesOfKey(table);
    const key = `(${table.key.map((column) => quoteName(column)).join(', ')})`;
    const bound = (offset: number): string =>
      `(${types.map((type, index) => `$${offset + index + 1}::text::${type}`).join(', ')})`;
    const conditions = [`${key} <= ${bound(0)}`, ...(lower ? [`${key} > ${bound(upper.length)}`] : [])];
    const columns = Object.keys(table.columns);
    const found = await queryArrays(
      this.#pool,
      `WITH s AS MATERIALIZED (SELECT pg_current_snapshot()::text AS snapshot)
       SELECT s.snapshot, c.* FROM s LEFT JOIN LATERAL (
         SELECT true AS is_row, ${columns.map((column) => quoteName(column)).join(', ')} FROM ${nameOf(table)}
         WHERE ${conditions.join(' AND ')} ORDER BY ${table.key.map((column) => quoteName(column)).join(', ')}) c ON true`,
      [...upper, ...(lower ?? [])],
    );
    const rows = found.filter(([, isRow]) => isRow !== null).map((row) => row.slice(2));
    return { snapshot: found[0]![0]!, columns, rows };
  }

  async mark(prefix: string, mark: object): Promise<Lsn> {
    await queryText(this.#pool, 'SELECT pg_logical_emit_message(true, $1, $2)', [
      prefix,
      JSON.stringify(mark),
    ]);
    // The commit is on disk, and what is on disk is sent; what was only written may be kept back for seconds.
    const [row] = await queryText(this.#pool, 'SELECT pg_current_wal_flush_lsn() AS lsn');
    return parseLsn(row!.lsn!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end();
  }

  /** Every n-th key of the index, and the last one. */
  async #exactUppers(table: SourceTable, chunkRows: number): Promise<readonly KeyText[]> {
    const key = table.key.map((column) => quoteName(column)).join(', ');
    const rows = await queryArrays(
      this.#pool,
      `SELECT ${textKey(table)} FROM (
         SELECT ${key}, row_number() OVER (ORDER BY ${key}) AS place, count(*) OVER () AS total FROM ${nameOf(table)}) numbered
       WHERE place % $1 = 0 OR place = total ORDER BY place`,
      [chunkRows],
    );
    return rows as readonly KeyText[];
  }

  async #sampleUppers(table: SourceTable, rows: number, chunkRows: number): Promise<readonly KeyText[]> {
    const key = table.key.map((column) => quoteName(column)).join(', ');
    const percent = Math.min(100, (100 * SAMPLES_PER_RANGE) / chunkRows);
    const wanted = Math.max(1, Math.round(((rows * percent) / 100) * (chunkRows / rows)));
    const sampled = await queryArrays(
      this.#pool,
      `SELECT ${textKey(table)} FROM (
         SELECT ${key}, row_number() OVER (ORDER BY ${key}) AS place FROM ${nameOf(table)} TABLESAMPLE SYSTEM ($2)) numbered
       WHERE place % $1 = 0 ORDER BY place`,
      [wanted, percent],
    );
    const [last] = await queryArrays(
      this.#pool,
      // Ordered inside: outside, the name of a key's column means its text.
      `SELECT ${textKey(table)} FROM (
         SELECT ${key} FROM ${nameOf(table)} ORDER BY ${table.key.map((column) => `${quoteName(column)} DESC`).join(', ')} LIMIT 1) greatest_key`,
    );
    return [...sampled, ...(last ? [last] : [])] as readonly KeyText[];
  }

  async #typesOfKey(table: SourceTable): Promise<readonly string[]> {
    const known = this.#keyTypes.get(nameOf(table));
    if (known) return known;
    const rows = await queryText(
      this.#pool,
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute WHERE attrelid = $1::regclass AND attname = ANY ($2)`,
      [nameOf(table), table.key],
    );
    const types = table.key.map((column) => {
      const row = rows.find(({ name }) => name === column);
      if (!row)
        throw new BanyanError(
          'TABLE_NOT_CAPTURABLE',
          `Table ${table.table} has no column ${column}, which is declared as its key`,
        );
      return row.type!;
    });
    this.#keyTypes.set(nameOf(table), types);
    return types;
  }
}

function nameOf(table: SourceTable): string {
  return quoteName(table.schema, table.table);
}

function textKey(table: SourceTable): string {
  return table.key.map((column) => `${quoteName(column)}::text`).join(', ');
}
