// Backfill of one table: read range by range with the snapshot of each read, appended to the change log, then marked in
// the source's own log so that translation merges it in its place. All its state is in the change log: a kill loses at
// most the ranges that were being read, and nothing is ever read twice that was appended.
import {
  CHUNK_MARK,
  type ChunkRead,
  type KeyText,
  TABLE_BACKFILLED_MARK,
  tableStream,
} from '../capture/change.ts';
import type { SourceTable } from '../domain/source-schema.ts';
import type { EventStore } from '../event-store/event-store.ts';
import { BanyanError } from '../kernel/error.ts';
import type { NewEvent } from '../kernel/event.ts';
import type { Lsn } from '../kernel/lsn.ts';
import { uuidv7 } from '../kernel/uuid.ts';
import { failpoint } from '../runtime/failpoint.ts';
import { pause, waitUntil } from '../runtime/wait.ts';
import { CopyRate } from './copy-rate.ts';
import type { RowSource } from './row-source.ts';
import { readTableCopy, type TableCopy } from './table-copy.ts';

export interface BackfillProgress {
  readonly table: string;
  readonly rows: number;
  readonly totalRows: number | null;
  readonly isEstimate: boolean;
  readonly rowsPerSecond: number;
  readonly etaSeconds: number | null;
  readonly throttledBy: string | null;
  readonly isDone: boolean;
}

export interface BackfillLimits {
  /** Ranges that are read at once. */
  readonly rangesInFlight: number;
  /** Chunks that may wait for translation before reading pauses. */
  readonly chunksAhead: number;
  readonly chunkBytes: number;
  readonly rowsPerSecond: number;
}

export const DEFAULT_BACKFILL_LIMITS: BackfillLimits = {
  rangesInFlight: 3,
  chunksAhead: 16,
  chunkBytes: 1_048_576,
  rowsPerSecond: Number.POSITIVE_INFINITY,
};

export interface BackfillOptions {
  readonly rows: RowSource;
  readonly changeLog: EventStore;
  readonly eventLog: EventStore;
  readonly source: string;
  /** The name by which mappings know the table. */
  readonly name: string;
  readonly table: SourceTable;
  readonly signal: AbortSignal;
  readonly limits?: Partial<BackfillLimits>;
  readonly onProgress?: (progress: BackfillProgress) => void;
}

/**
 * Copies what is not copied yet, and resolves with the table's rows once every one of them is an event.
 * Rejects with SOURCE_NOT_OPENED when the table is not captured, LEASE_HELD when another backfill of it is at work,
 * INTERRUPTED when `signal` aborts: run it again to go on.
 */
export async function runBackfill(options: BackfillOptions): Promise<number> {
  const copy = await readTableCopy(options.changeLog, options.source, options.name);
  if (copy.generation === 0) {
    throw new BanyanError(
      'SOURCE_NOT_OPENED',
      `Table ${options.name} is not captured, so a copy of it would miss changes`,
    );
  }
  return new Backfill(options, copy).run();
}

class Backfill {
  readonly #options: BackfillOptions;
  readonly #limits: BackfillLimits;
  readonly #rate: CopyRate;
  readonly #chunks: Map<number, { readonly version: number; readonly rows: number }>;
  readonly #generation: number;
  /** LSNs of marks that translation may not have passed yet, oldest first. */
  #marked: Lsn[] = [];
  #version: number;
  #copy: TableCopy;
  #appending: Promise<unknown> = Promise.resolve();
  #throttledBy: string | null = null;

  constructor(options: BackfillOptions, copy: TableCopy) {
    this.#options = options;
    this.#limits = { ...DEFAULT_BACKFILL_LIMITS, ...options.limits };
    this.#copy = copy;
    this.#chunks = new Map(copy.chunks);
    this.#generation = copy.generation;
    this.#version = copy.version;
    this.#rate = new CopyRate(copy.plan?.rows ?? null);
  }

  async run(): Promise<number> {
    if (this.#copy.completed) return this.#finish(this.#copy.completed.rows);
    const uppers = await this.#plan();
    // A chunk whose mark was lost with a crash is only marked again; translation ignores what it had.
    for (const [chunk, { version }] of [...this.#chunks]) await this.#mark(chunk, version);
    const waiting = uppers.map((_, chunk) => chunk).filter((chunk) => !this.#chunks.has(chunk));
    const readers = Array.from(
      { length: Math.min(this.#limits.rangesInFlight, waiting.length) },
      async () => {
        for (let chunk = waiting.shift(); chunk !== undefined; chunk = waiting.shift()) {
          await this.#pace();
          await this.#copyRange(chunk, uppers[chunk - 1], uppers[chunk]!);
        }
      },
    );
    await Promise.all(readers);
    return this.#complete(uppers.length);
  }

  async #plan(): Promise<readonly KeyText[]> {
    if (this.#copy.plan) return this.#copy.plan.uppers;
    const plan = await this.#options.rows.plan(this.#options.table, this.#limits.chunkBytes);
    await this.#append('BackfillPlanned', { generation: this.#generation, ...plan });
    this.#rate.total = plan.rows;
    this.#copy = { ...this.#copy, plan: { generation: this.#generation, ...plan } };
    return plan.uppers;
  }

  async #copyRange(chunk: number, lower: KeyText | undefined, upper: KeyText): Promise<void> {
    const { table, name, rows } = this.#options;
    const read = await rows.read(table, lower, upper);
    failpoint('backfill.after-read');
    const data: ChunkRead = { table: name, generation: this.#generation, chunk, ...read };
    const version = await this.#append('ChunkRead', data);
    failpoint('backfill.after-chunk');
    this.#chunks.set(chunk, { version, rows: read.rows.length });
    await this.#mark(chunk, version);
    failpoint('backfill.after-mark');
    this.#rate.add(read.rows.length);
    this.#report(false);
  }

  async #mark(chunk: number, version: number): Promise<void> {
    const mark = { table: this.#options.name, generation: this.#generation, chunk, version };
    this.#marked.push(await this.#options.rows.mark(CHUNK_MARK, mark));
  }

  async #complete(chunks: number): Promise<number> {
    failpoint('backfill.before-complete');
    const rows = this.#rowsRead();
    const mark = { table: this.#options.name, generation: this.#generation, chunks };
    const lsn = await this.#options.rows.mark(TABLE_BACKFILLED_MARK, mark);
    await this.#waitForTranslation(() => lsn, 0);
    await this.#append('TableBackfilled', { generation: this.#generation, rows });
    return this.#finish(rows);
  }

  #finish(rows: number): number {
    this.#rate.total = rows;
    this.#report(true);
    return rows;
  }

  /** Holds a reader back while translation is behind, or the rate is reached; says why. */
  async #pace(): Promise<void> {
    this.#assertGoingOn();
    const { chunksAhead, rowsPerSecond } = this.#limits;
    await this.#waitForTranslation(() => this.#marked[this.#marked.length - chunksAhead], chunksAhead);
    for (
      let waitMs = this.#rate.waitMs(rowsPerSecond);
      waitMs > 0;
      waitMs = this.#rate.waitMs(rowsPerSecond)
    ) {
      this.#throttle(`at most ${rowsPerSecond} rows a second`);
      await pause(Math.min(waitMs, 250), this.#options.signal);
      this.#assertGoingOn();
    }
    this.#throttle(null);
  }

  async #waitForTranslation(wanted: () => Lsn | undefined, chunks: number): Promise<void> {
    const { eventLog, source, signal } = this.#options;
    for (;;) {
      const lsn = wanted();
      if (lsn === undefined) return;
      const isThere = async (): Promise<boolean> =>
        ((await eventLog.sourceProgress(source))?.lsn ?? 0n) >= lsn;
      if (await isThere()) {
        this.#marked = this.#marked.filter((mark) => mark > lsn);
        return;
      }
      this.#throttle(
        chunks > 0 ? `translation is ${chunks} chunks behind` : 'the last chunks are being translated',
      );
      await waitUntil(isThere, { timeoutMs: 1_000, everyMs: 10, signal });
      this.#assertGoingOn();
    }
  }

  #throttle(reason: string | null): void {
    if (this.#throttledBy === reason) return;
    this.#throttledBy = reason;
    this.#report(false);
  }

  #report(isDone: boolean): void {
    const rows = this.#rowsRead();
    this.#options.onProgress?.({
      table: this.#options.name,
      rows,
      totalRows: this.#rate.total,
      isEstimate: this.#copy.plan?.isEstimate ?? true,
      rowsPerSecond: this.#rate.perSecond(),
      etaSeconds: this.#rate.etaSeconds(rows),
      throttledBy: isDone ? null : this.#throttledBy,
      isDone,
    });
  }

  /** One append at a time, each expecting the version the one before it left: a second backfill cannot slip in between. */
  #append(type: string, data: unknown): Promise<number> {
    const appended = this.#appending.then(async () => {
      const { changeLog, source, name } = this.#options;
      const event: NewEvent = {
        id: uuidv7(),
        type,
        time: new Date().toISOString(),
        schemaVersion: 1,
        data,
        meta: { origin: 'backfill' },
      };
      const outcome = await changeLog.append([
        { stream: tableStream(source, name), expected: this.#version, events: [event] },
      ]);
      if (outcome.outcome !== 'appended') {
        throw new BanyanError('LEASE_HELD', `Another backfill of table ${name} is at work`);
      }
      this.#version += 1;
      return this.#version;
    });
    this.#appending = appended.catch(() => undefined);
    return appended;
  }

  #rowsRead(): number {
    let rows = 0;
    for (const chunk of this.#chunks.values()) rows += chunk.rows;
    return rows;
  }

  #assertGoingOn(): void {
    if (this.#options.signal.aborted)
      throw new BanyanError('INTERRUPTED', `The backfill of ${this.#options.name} was paused`);
  }
}
