// The write side of a log file. Appends that are asked for in one turn of the event loop share one transaction and so
// one disk flush; each stands in a savepoint of its own, so that a conflict undoes only itself.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { NewEvent } from '../../kernel/event.ts';
import type { Lsn } from '../../kernel/lsn.ts';
import { categoryOf, type StreamName } from '../../kernel/stream.ts';
import type { AppendOptions, AppendOutcome, SourceProgress, StreamWrite } from '../event-store.ts';
import { isSourceCurrent } from '../source-progress.ts';
import { isExpectationMet } from '../stream-expectation.ts';

interface StreamRow {
  readonly id: number;
  readonly category: number;
  readonly version: number;
}

interface Pending {
  readonly writes: readonly StreamWrite[];
  readonly options: AppendOptions;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Bounds the time that one group keeps other processes from writing. */
const GROUP_EVENTS_MAX = 20_000;

export class Appender {
  readonly #database: DatabaseSync;
  readonly #onCommit: () => void;
  readonly #queue: Pending[] = [];
  #isScheduled = false;

  readonly #findStream: StatementSync;
  readonly #addStream: StatementSync;
  readonly #moveStream: StatementSync;
  readonly #addEvent: StatementSync;
  readonly #addCategory: StatementSync;
  readonly #findCategory: StatementSync;
  readonly #findProgress: StatementSync;
  readonly #setProgress: StatementSync;
  readonly #findOutcome: StatementSync;
  readonly #addOutcome: StatementSync;
  readonly #head: StatementSync;

  constructor(database: DatabaseSync, onCommit: () => void) {
    this.#database = database;
    this.#onCommit = onCommit;
    this.#findStream = database.prepare('SELECT id, category, version FROM stream WHERE name = ?');
    this.#addStream = database.prepare('INSERT INTO stream (name, category, version) VALUES (?, ?, 0)');
    this.#moveStream = database.prepare('UPDATE stream SET version = ? WHERE id = ?');
    this.#addEvent = database.prepare(
      'INSERT INTO event (stream, version, category, type, id, time, schema_version, data, meta) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    );
    this.#addCategory = database.prepare('INSERT OR IGNORE INTO category (name) VALUES (?)');
    this.#findCategory = database.prepare('SELECT id FROM category WHERE name = ?');
    this.#findProgress = database.prepare('SELECT lsn, position FROM source_progress WHERE name = ?');
    this.#findProgress.setReadBigInts(true);
    this.#setProgress = database.prepare(
      'INSERT OR REPLACE INTO source_progress (name, lsn, position) VALUES (?, ?, ?)',
    );
    this.#findOutcome = database.prepare('SELECT outcome FROM idempotency WHERE key = ?');
    this.#addOutcome = database.prepare('INSERT INTO idempotency (key, outcome) VALUES (?, ?)');
    this.#head = database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'event'");
  }

  append(writes: readonly StreamWrite[], options: AppendOptions): Promise<AppendOutcome> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ writes, options, resolve, reject });
      if (this.#isScheduled) return;
      this.#isScheduled = true;
      // Behind the callbacks of this turn: whoever else appends in it joins the group.
      setImmediate(() => this.#commitGroup());
    });
  }

  /** Commits what is queued, so that closing loses no append that was asked for. */
  drain(): void {
    while (this.#queue.length > 0) this.#commitGroup();
  }

  #commitGroup(): void {
    this.#isScheduled = false;
    const group: Pending[] = [];
    for (let events = 0; this.#queue.length > 0 && events < GROUP_EVENTS_MAX; ) {
      const next = this.#queue.shift()!;
      for (const { events: added } of next.writes) events += added.length;
      group.push(next);
    }
    if (this.#queue.length > 0) {
      this.#isScheduled = true;
      setImmediate(() => this.#commitGroup());
    }
    const settled: (() => void)[] = [];
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const pending of group) settled.push(this.#appendOne(pending));
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      for (const { reject } of group) reject(error);
      return;
    }
    for (const settle of settled) settle();
    this.#onCommit();
  }

  /** Writes one append inside the group's transaction; answers how to tell its caller once that is committed. */
  #appendOne({ writes, options, resolve, reject }: Pending): () => void {
    this.#database.exec('SAVEPOINT one');
    try {
      const outcome = this.#write(writes, options);
      this.#database.exec(outcome.outcome === 'appended' ? 'RELEASE one' : 'ROLLBACK TO one; RELEASE one');
      return () => resolve(outcome);
    } catch (error) {
      this.#database.exec('ROLLBACK TO one; RELEASE one');
      return () => reject(error);
    }
  }

  #write(writes: readonly StreamWrite[], { source, idempotencyKey }: AppendOptions): AppendOutcome {
    if (idempotencyKey !== undefined) {
      const recorded = this.#findOutcome.get(idempotencyKey);
      if (recorded)
        return {
          ...(JSON.parse(String(recorded.outcome)) as AppendOutcome & { outcome: 'appended' }),
          isDuplicate: true,
        };
    }
    if (source) {
      const stored = this.#progress(source.name);
      if (!isSourceCurrent(source, stored)) return { outcome: 'fenced', actual: stored };
      this.#setProgress.run(source.name, source.lsn, source.position);
    }
    let position = 0;
    const versions: Record<StreamName, number> = {};
    for (const { stream, expected, events } of writes) {
      const row = this.#stream(stream, events.length > 0);
      if (!isExpectationMet(expected, row.version)) {
        return { outcome: 'conflict', stream, expected, actual: row.version };
      }
      let version = row.version;
      for (const event of events) {
        version += 1;
        position = this.#insert(row, version, event);
      }
      if (events.length > 0) this.#moveStream.run(version, row.id);
      versions[stream] = version;
    }
    const outcome = {
      outcome: 'appended',
      position: position || this.#headPosition(),
      versions,
      isDuplicate: false,
    } as const;
    if (idempotencyKey !== undefined) this.#addOutcome.run(idempotencyKey, JSON.stringify(outcome));
    return outcome;
  }

  #insert(row: StreamRow, version: number, event: NewEvent): number {
    const { lastInsertRowid } = this.#addEvent.run(
      row.id,
      version,
      row.category,
      event.type,
      event.id,
      event.time,
      event.schemaVersion,
      JSON.stringify(event.data),
      JSON.stringify(event.meta),
    );
    return Number(lastInsertRowid);
  }

  #stream(name: StreamName, isCreated: boolean): StreamRow {
    const found = this.#findStream.get(name) as StreamRow | undefined;
    if (found) return found;
    const category = categoryOf(name);
    if (!isCreated) return { id: 0, category: 0, version: 0 };
    const categoryId = this.#category(category);
    const { lastInsertRowid } = this.#addStream.run(name, categoryId);
    return { id: Number(lastInsertRowid), category: categoryId, version: 0 };
  }

  #category(name: string): number {
    this.#addCategory.run(name);
    return Number(this.#findCategory.get(name)!.id);
  }

  #progress(name: string): SourceProgress | undefined {
    const row = this.#findProgress.get(name) as { lsn: bigint; position: bigint } | undefined;
    return row && { name, lsn: row.lsn as Lsn, position: Number(row.position) };
  }

  #headPosition(): number {
    return Number(this.#head.get()?.seq ?? 0);
  }
}
