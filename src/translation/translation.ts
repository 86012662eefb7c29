// Translation: a subscription of the change log whose mappings turn row changes into domain events. The events of a source
// transaction and the progress behind them are one append of the event log; its own state follows. After a crash between
// the two the state is behind: the same changes are merged again and only what the log has not got is appended.
import {
  CHUNK_MARK,
  type ChunkMark,
  type ChunkRead,
  type SourceTransaction,
  TABLE_BACKFILLED_MARK,
  type TableOpened,
  tableStream,
} from '../capture/change.ts';
import type { Domain } from '../domain/domain.ts';
import type { EventStore, LogBatch, SourceProgress } from '../event-store/event-store.ts';
import { BanyanError } from '../kernel/error.ts';
import type { RecordedEvent } from '../kernel/event.ts';
import { type Lsn, maxLsn, parseLsn } from '../kernel/lsn.ts';
import { failpoint } from '../runtime/failpoint.ts';
import type { Log } from '../runtime/log.ts';
import { type MappedTable, mappedTables } from './mapped-table.ts';
import { Merge } from './merge.ts';
import { Outbox } from './outbox.ts';
import { keyOf, readMark, rowChange } from './read-changes.ts';
import { parseSnapshot } from './snapshot.ts';
import type { ChangeOrigin, TranslationState } from './translation-state.ts';

export interface TranslationProgress {
  readonly frontier: Lsn;
  /** Events of changes, and those of rows that a backfill read. */
  readonly eventsCaptured: number;
  readonly eventsBackfilled: number;
  /** From the commit at the source to the append, of the newest change; null when nothing was appended. */
  readonly lagMs: number | null;
}

export interface TranslationOptions {
  readonly changeLog: EventStore;
  readonly eventLog: EventStore;
  readonly domains: readonly Domain[];
  readonly source: string;
  readonly state: TranslationState;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly onProgress?: (progress: TranslationProgress) => void;
}

/** An append is cut after a transaction that brought it over this many events. */
const APPEND_EVENTS = 2_000;
const READ_EVENTS = 500;
/** What translation reads of the change log; chunks are read when their mark comes. */
const TYPES = ['TransactionCaptured', 'TableOpened'];

/** Translates until `signal` aborts. Rejects with FENCED when another translation of the source is at work. */
export async function runTranslation(options: TranslationOptions): Promise<void> {
  const translation = new Translation(options);
  await translation.start();
  for await (const batch of options.changeLog.subscribe({
    after: options.state.checkpoint,
    types: TYPES,
    batchSize: READ_EVENTS,
    signal: options.signal,
  })) {
    await translation.take(batch);
  }
}

class Translation {
  readonly #options: TranslationOptions;
  readonly #state: TranslationState;
  readonly #outbox: Outbox;
  readonly #merge: Merge;
  readonly #byName: ReadonlyMap<string, MappedTable>;
  readonly #byRelation: ReadonlyMap<string, MappedTable>;
  #progress: SourceProgress | undefined;
  #hasRetried = false;

  constructor(options: TranslationOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#outbox = new Outbox(options.source);
    const tables = mappedTables(options.domains);
    this.#byName = new Map(tables.map((table) => [table.name, table]));
    this.#byRelation = new Map(
      tables.map((table) => [`${table.source.schema}.${table.source.table}`, table]),
    );
    this.#merge = new Merge(options.state, {
      columns: (table) => this.#table(table).columns,
      tell: async (name, key, telling, change) => {
        const mapped = this.#table(name).map(telling);
        const events = mapped instanceof Promise ? await mapped : mapped;
        if (events.length === 0) this.#state.countUnmapped(name, telling.op);
        const isImported = telling.op === 'backfill' || change.op === 'import';
        this.#outbox.add(events, `${name} ${key}`, change.origin, isImported ? 'backfill' : 'capture');
      },
      onParked: (table, key, error) =>
        options.log.error({ err: error, table, key }, 'a key was parked: its mapping failed'),
    });
  }

  async start(): Promise<void> {
    this.#progress = await this.#options.eventLog.sourceProgress(this.#options.source);
    if (this.#isCaughtUp()) await this.#retryParked();
  }

  async take(batch: LogBatch): Promise<void> {
    this.#state.begin();
    try {
      let done = this.#state.checkpoint;
      for (const event of batch.events) {
        await this.#mergeEvent(event);
        done = event.position;
        if (this.#outbox.size >= APPEND_EVENTS) {
          await this.#append(done, lsnOf(event) ?? this.#frontier());
          this.#state.commit(done);
          this.#state.begin();
        }
      }
      const frontier = batch.frontier[this.#options.source] ?? lastLsn(batch.events) ?? this.#frontier();
      await this.#append(batch.upTo, maxLsn(frontier, this.#frontier()));
      this.#state.commit(batch.upTo);
      failpoint('translation.after-state');
    } catch (error) {
      this.#state.rollback();
      this.#outbox.clear();
      throw error;
    }
    if (!this.#hasRetried && this.#isCaughtUp()) await this.#retryParked();
  }

  /** The state has everything that the event log has: from here on events are new. */
  #isCaughtUp(): boolean {
    return this.#state.checkpoint >= (this.#progress?.position ?? 0);
  }

  async #append(position: number, lsn: Lsn): Promise<void> {
    const stored = this.#progress;
    const events = this.#outbox.take();
    // Merged again after a crash: the log has these events already.
    if (stored && position <= stored.position && lsn <= stored.lsn) return;
    const progress = {
      name: this.#options.source,
      lsn: maxLsn(lsn, this.#frontier()),
      position: Math.max(position, stored?.position ?? 0),
    };
    const fresh = events.filter((event) => event.position > (stored?.position ?? 0));
    if (fresh.length === 0 && stored && progress.lsn === stored.lsn && progress.position === stored.position)
      return;
    failpoint('translation.before-append');
    const writes = fresh.map(({ stream, event }) => ({ stream, expected: 'any', events: [event] }) as const);
    const outcome = await this.#options.eventLog.append(writes, {
      source: { ...progress, expected: stored },
    });
    if (outcome.outcome !== 'appended') {
      throw new BanyanError('FENCED', `Another translation of source ${this.#options.source} is at work`);
    }
    this.#progress = progress;
    failpoint('translation.after-append');
    const newest = fresh.at(-1)?.event.time;
    const eventsBackfilled = fresh.filter(({ event }) => event.meta.origin === 'backfill').length;
    this.#options.onProgress?.({
      frontier: progress.lsn,
      eventsCaptured: fresh.length - eventsBackfilled,
      eventsBackfilled,
      lagMs: newest === undefined ? null : Math.max(0, Date.now() - Date.parse(newest)),
    });
  }

  /** A corrected mapping may have been deployed: each parked key is tried once when translation starts. */
  async #retryParked(): Promise<void> {
    this.#hasRetried = true;
    for (const { table, key, changes } of this.#state.allParked(1_000)) {
      if (!this.#byName.has(table)) continue;
      this.#state.begin();
      try {
        await this.#merge.retry(table, key);
        const writes = this.#outbox
          .take()
          .map(({ stream, event }) => ({ stream, expected: 'any', events: [event] }) as const);
        const { lsn, index } = changes[0]!.origin;
        const idempotencyKey = `retry ${this.#options.source} ${table} ${key} ${lsn} ${index}`;
        if (writes.length > 0) await this.#options.eventLog.append(writes, { idempotencyKey });
        this.#state.commit(this.#state.checkpoint);
      } catch (error) {
        this.#state.rollback();
        this.#outbox.clear();
        throw error;
      }
    }
  }

  async #mergeEvent(event: RecordedEvent): Promise<void> {
    this.#outbox.moveTo(event.position);
    if (event.type === 'TableOpened') {
      const { table, generation } = event.data as TableOpened;
      if (this.#byName.has(table)) this.#merge.openTable(table, generation);
      return;
    }
    const transaction = event.data as SourceTransaction;
    for (const relation of transaction.relations) this.#state.saveRelation(relation);
    for (const [index, change] of transaction.changes.entries()) {
      const origin: ChangeOrigin = {
        lsn: transaction.endLsn,
        xid: transaction.xid,
        time: transaction.committedAt,
        position: event.position,
        index,
      };
      if (change.op === 'message') await this.#takeMessage(change.prefix, change.content, origin);
      else if (change.op === 'truncate') {
        for (const relation of change.relations) {
          const table = this.#ofRelation(relation)?.table;
          if (table) await this.#merge.truncate(table.name, origin);
        }
      } else {
        const found = this.#ofRelation(change.relation);
        if (!found) continue;
        const read = rowChange(found.table, found.relation, change, origin);
        await this.#merge.apply(found.table.name, read.key, read.change);
      }
    }
  }

  async #takeMessage(prefix: string, content: string, origin: ChangeOrigin): Promise<void> {
    if (prefix !== CHUNK_MARK && prefix !== TABLE_BACKFILLED_MARK) return;
    const mark = readMark(content);
    if (!mark) {
      this.#options.log.warn({ prefix, lsn: origin.lsn }, 'a mark that no backfill wrote was left aside');
    } else if (prefix === CHUNK_MARK) {
      if ('version' in mark) await this.#takeChunk(mark, origin);
    } else if (this.#byName.has(mark.table)) {
      await this.#merge.completeTable(mark.table, mark.generation, origin);
    }
  }

  async #takeChunk(mark: ChunkMark, origin: ChangeOrigin): Promise<void> {
    const table = this.#byName.get(mark.table);
    if (!table) return;
    const chunk = await this.#readChunk(mark);
    if (!chunk) return;
    const rows = chunk.rows.map((values) => {
      const row = Object.fromEntries(chunk.columns.map((column, index) => [column, values[index] ?? null]));
      return { key: keyOf(table, row), change: { op: 'import', row, origin } as const };
    });
    await this.#merge.applyChunk(
      table.name,
      chunk.generation,
      chunk.chunk,
      parseSnapshot(chunk.snapshot),
      rows,
    );
  }

  async #readChunk({ table, generation, chunk, version }: ChunkMark): Promise<ChunkRead | undefined> {
    const stream = tableStream(this.#options.source, table);
    for await (const [event] of this.#options.changeLog.readStream(stream, {
      afterVersion: version - 1,
      batchSize: 1,
    })) {
      const read = event!.data as ChunkRead;
      return event!.type === 'ChunkRead' && read.generation === generation && read.chunk === chunk
        ? read
        : undefined;
    }
    return undefined;
  }

  #ofRelation(id: string):
    | {
        readonly table: MappedTable;
        readonly relation: NonNullable<ReturnType<TranslationState['relation']>>;
      }
    | undefined {
    const relation = this.#state.relation(id);
    if (!relation)
      throw new BanyanError(
        'LOG_CORRUPT',
        `A change names the relation ${id}, which the change log never announced`,
      );
    const table = this.#byRelation.get(`${relation.schema}.${relation.table}`);
    return table && { table, relation };
  }

  #table(name: string): MappedTable {
    return this.#byName.get(name)!;
  }

  #frontier(): Lsn {
    return this.#progress?.lsn ?? (0n as Lsn);
  }
}

function lsnOf(event: RecordedEvent): Lsn | undefined {
  return event.type === 'TransactionCaptured'
    ? parseLsn((event.data as SourceTransaction).endLsn)
    : undefined;
}

function lastLsn(events: readonly RecordedEvent[]): Lsn | undefined {
  return events.map(lsnOf).findLast((lsn) => lsn !== undefined);
}
