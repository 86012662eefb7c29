// The read side of a log file: pages by position, each a short statement, so that no reader ever pins the WAL.
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { Position, RecordedEvent } from '../../kernel/event.ts';
import type { Lsn } from '../../kernel/lsn.ts';
import type { StreamName } from '../../kernel/stream.ts';
import type { LogBatch, LogFilter, LogHead, SourceProgress } from '../event-store.ts';

const COLUMNS =
  'e.position, s.name AS stream, c.name AS category, e.version, e.type, e.id, e.time, e.schema_version, e.data, e.meta';
const JOINED = 'FROM event e JOIN stream s ON s.id = e.stream JOIN category c ON c.id = e.category';

interface EventRow {
  readonly position: number;
  readonly stream: string;
  readonly category: string;
  readonly version: number;
  readonly type: string;
  readonly id: string;
  readonly time: string;
  readonly schema_version: number;
  readonly data: string;
  readonly meta: string;
}

/** Reads pages of one filter. Statements are prepared once and reused. */
export class LogReader {
  readonly #database: DatabaseSync;
  readonly #head: StatementSync;
  readonly #progress: StatementSync;
  readonly #byStream: StatementSync;
  readonly #pages = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#head = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'event'");
    this.#progress = database.prepare('SELECT name, lsn, position FROM source_progress ORDER BY name');
    this.#progress.setReadBigInts(true);
    this.#byStream = database.prepare(
      `SELECT ${COLUMNS} ${JOINED} WHERE e.stream = (SELECT id FROM stream WHERE name = ?) AND e.version > ? AND e.version <= ?
       ORDER BY e.version LIMIT ?`,
    );
  }

  /** Head and progress as of one moment. */
  head(): LogHead {
    return this.#inSnapshot(() => ({ position: this.#headPosition(), progress: this.#readProgress() }));
  }

  streamVersion(stream: StreamName): number {
    return Number(
      this.#database.prepare('SELECT version FROM stream WHERE name = ?').get(stream)?.version ?? 0,
    );
  }

  readStream(stream: StreamName, after: number, upTo: number, limit: number): readonly RecordedEvent[] {
    return (this.#byStream.all(stream, after, upTo, limit) as unknown[]).map(toEvent);
  }

  /**
   * One page after `after`. Its `frontier` is the stored progress when the page reaches the head; before that `known`,
   * the frontier that the reader already has.
   */
  readPage(
    after: Position,
    upToMost: Position,
    limit: number,
    filter: LogFilter,
    known: LogBatch['frontier'],
  ): LogBatch {
    return this.#inSnapshot(() => {
      const head = this.#headPosition();
      const end = Math.min(upToMost, head);
      const rows = after < end ? this.#page(filter).all(...parameters(filter, after, end, limit)) : [];
      const events = (rows as unknown[]).map(toEvent);
      const upTo = events.length === limit ? events[events.length - 1]!.position : Math.max(after, end);
      const frontier = upTo >= head ? frontierOf(this.#readProgress()) : known;
      return { events, upTo, head, frontier };
    });
  }

  progress(name: string): SourceProgress | undefined {
    return this.#readProgress().find((progress) => progress.name === name);
  }

  #headPosition(): number {
    return Number(this.#head.get()?.seq ?? 0);
  }

  #readProgress(): readonly SourceProgress[] {
    const rows = this.#progress.all() as { name: string; lsn: bigint; position: bigint }[];
    return rows.map(({ name, lsn, position }) => ({ name, lsn: lsn as Lsn, position: Number(position) }));
  }

  #page({ categories, types }: LogFilter): StatementSync {
    const key = `${categories?.length ?? '-'}/${types?.length ?? '-'}`;
    let statement = this.#pages.get(key);
    if (!statement) {
      const wanted = [
        'e.position > ? AND e.position <= ?',
        ...(categories
          ? [`e.category IN (SELECT id FROM category WHERE name IN (${marks(categories)}))`]
          : []),
        ...(types ? [`e.type IN (${marks(types)})`] : []),
      ];
      statement = this.#database.prepare(
        `SELECT ${COLUMNS} ${JOINED} WHERE ${wanted.join(' AND ')} ORDER BY e.position LIMIT ?`,
      );
      this.#pages.set(key, statement);
    }
    return statement;
  }

  #inSnapshot<T>(read: () => T): T {
    this.#database.exec('BEGIN');
    try {
      return read();
    } finally {
      this.#database.exec('COMMIT');
    }
  }
}

function parameters(
  { categories, types }: LogFilter,
  after: number,
  upTo: number,
  limit: number,
): SQLInputValue[] {
  return [after, upTo, ...(categories ?? []), ...(types ?? []), limit];
}

function marks(values: readonly string[]): string {
  return values.map(() => '?').join(', ');
}

export function frontierOf(progress: readonly SourceProgress[]): Readonly<Record<string, Lsn>> {
  return Object.fromEntries(progress.map(({ name, lsn }) => [name, lsn]));
}

function toEvent(value: unknown): RecordedEvent {
  const row = value as EventRow;
  return {
    position: row.position,
    stream: row.stream,
    category: row.category,
    version: row.version,
    type: row.type,
    id: row.id,
    time: row.time,
    schemaVersion: row.schema_version,
    data: JSON.parse(row.data),
    meta: JSON.parse(row.meta),
  };
}
