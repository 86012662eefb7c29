// Reads pages on a connection of its own, each in one short snapshot: head, source progress and events belong together,
// and nothing stays open between two pages (an open cursor would hold the write-ahead file).
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Position, RecordedEvent } from '../../kernel/event.ts';
import type { StreamName } from '../../kernel/stream.ts';
import type { LogHead, SourceProgress } from '../event-store.ts';
import { type LogPage, type PageRequest, SCAN_POSITIONS } from '../log-batches.ts';
import { EVENT_COLUMNS, recordedEvents, type StoredRow } from '../recorded-events.ts';
import { firstNumber, progressOf } from './log-writer.ts';

export class LogReader {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  readonly #head: StatementSync;
  readonly #progress: StatementSync;
  readonly #progressOfOne: StatementSync;
  readonly #version: StatementSync;
  readonly #stream: StatementSync;
  readonly #dataVersion: StatementSync;
  /** By shape of the filter. */
  readonly #pages = new Map<string, StatementSync>();

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    this.#begin = database.prepare('BEGIN');
    this.#end = database.prepare('COMMIT');
    this.#head = arrays(database.prepare('SELECT coalesce(max(position), 0) FROM event'));
    this.#progress = database.prepare('SELECT name, lsn, position FROM source_progress ORDER BY name');
    this.#progress.setReadBigInts(true);
    this.#progressOfOne = database.prepare('SELECT name, lsn, position FROM source_progress WHERE name = ?');
    this.#progressOfOne.setReadBigInts(true);
    this.#version = arrays(database.prepare('SELECT coalesce(max(version), 0) FROM event WHERE stream = ?'));
    this.#stream = arrays(
      database.prepare(
        `SELECT ${EVENT_COLUMNS} FROM event WHERE stream = ? AND version > ? AND version <= ? ORDER BY version LIMIT ?`,
      ),
    );
    this.#dataVersion = arrays(database.prepare('PRAGMA data_version'));
  }

  /** Changes whenever another connection, of this process or another one, has committed. */
  dataVersion(): number {
    return firstNumber(this.#dataVersion.get()) ?? 0;
  }

  head(): LogHead {
    return this.#snapshot(() => ({ position: this.#headPosition(), progress: this.#allProgress() }));
  }

  sourceProgress(name: string): SourceProgress | undefined {
    return progressOf(this.#progressOfOne.get(name));
  }

  streamVersion(stream: StreamName): number {
    return firstNumber(this.#version.get(stream)) ?? 0;
  }

  streamPage(stream: StreamName, after: number, upTo: number, limit: number): RecordedEvent[] {
    return this.#events(this.#stream.all(stream, after, upTo, limit));
  }

  page(request: PageRequest): LogPage {
    return this.#snapshot(() => {
      const head = this.#headPosition();
      const progress = this.#allProgress();
      const scanned = request.types ? request.after + SCAN_POSITIONS : head;
      const end = Math.min(request.upTo, head, scanned);
      const events = request.after < end ? this.#logPage(request, end) : [];
      const isFull = events.length === request.limit;
      const upTo = isFull ? events.at(-1)!.position : Math.max(request.after, end);
      return { events, upTo, head, progress, progressAt: head };
    });
  }

  #logPage({ after, limit, categories, types }: PageRequest, end: Position): RecordedEvent[] {
    if (categories?.length === 0 || types?.length === 0) return [];
    const distinct = categories && [...new Set(categories)];
    const statement = this.#pageStatement(distinct?.length ?? 0, types !== undefined);
    const filter = types ? [JSON.stringify(types), ...(distinct ?? [])] : (distinct ?? []);
    return this.#events(statement.all(after, end, limit, ...filter));
  }

  /** Several categories are merged from their ranges of the index, each already in position order. */
  #pageStatement(categories: number, hasTypes: boolean): StatementSync {
    const shape = `${categories} ${hasTypes}`;
    let statement = this.#pages.get(shape);
    if (!statement) {
      const first = hasTypes ? 5 : 4;
      const ofTypes = hasTypes ? ' AND type IN (SELECT value FROM json_each(?4))' : '';
      const select = `SELECT ${EVENT_COLUMNS} FROM event WHERE position > ?1 AND position <= ?2${ofTypes}`;
      const selects =
        categories === 0
          ? [select]
          : Array.from({ length: categories }, (_, index) => `${select} AND category = ?${first + index}`);
      const sql = `${selects.join(' UNION ALL ')} ORDER BY position LIMIT ?3`;
      statement = arrays(this.#database.prepare(sql));
      this.#pages.set(shape, statement);
    }
    return statement;
  }

  #headPosition(): Position {
    return firstNumber(this.#head.get()) ?? 0;
  }

  #allProgress(): SourceProgress[] {
    return this.#progress.all().map((row) => progressOf(row)!);
  }

  #snapshot<T>(read: () => T): T {
    this.#begin.run();
    try {
      return read();
    } finally {
      if (this.#database.isTransaction) this.#end.run();
    }
  }

  #events(rows: readonly unknown[]): RecordedEvent[] {
    return recordedEvents(rows as readonly StoredRow[], this.#path);
  }
}

function arrays(statement: StatementSync): StatementSync {
  statement.setReturnArrays(true);
  return statement;
}
