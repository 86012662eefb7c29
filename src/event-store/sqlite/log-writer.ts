// Decides and writes one append inside the group's transaction. It decides in full before it writes: a conflict leaves
// nothing to undo, so no savepoint is needed.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Position } from '../../kernel/event.ts';
import { type Lsn, lsn } from '../../kernel/lsn.ts';
import type { StreamName } from '../../kernel/stream.ts';
import type { AppendRequest, StreamRows } from '../append-request.ts';
import type { AppendOutcome, SourceProgress } from '../event-store.ts';
import { isProgressExpected, isVersionExpected } from '../expectation.ts';

type Appended = Extract<AppendOutcome, { outcome: 'appended' }>;

/** Keys older than this are dropped, a few with each new one. */
const KEY_RETENTION_MS = 7 * 24 * 3600 * 1000;

export class LogWriter {
  readonly #head: StatementSync;
  readonly #version: StatementSync;
  readonly #insert: StatementSync;
  readonly #progress: StatementSync;
  readonly #setProgress: StatementSync;
  readonly #outcomeOfKey: StatementSync;
  readonly #recordKey: StatementSync;
  readonly #dropOldKeys: StatementSync;
  /** The last position written; true inside a transaction only. */
  #position: Position = 0;

  constructor(database: DatabaseSync) {
    this.#head = database.prepare('SELECT coalesce(max(position), 0) FROM event');
    this.#head.setReturnArrays(true);
    this.#version = database.prepare(
      'SELECT version FROM event WHERE stream = ? ORDER BY version DESC LIMIT 1',
    );
    this.#version.setReturnArrays(true);
    this.#insert = database.prepare(
      `INSERT INTO event (position, stream, version, category, type, id, time, schema_version, data, meta)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#progress = database.prepare('SELECT name, lsn, position FROM source_progress WHERE name = ?');
    this.#progress.setReadBigInts(true);
    this.#setProgress = database.prepare('INSERT OR REPLACE INTO source_progress VALUES (?, ?, ?)');
    this.#outcomeOfKey = database.prepare('SELECT outcome FROM idempotency_key WHERE key = ?');
    this.#recordKey = database.prepare(
      'INSERT INTO idempotency_key (key, recorded_at, outcome) VALUES (?, ?, ?)',
    );
    this.#dropOldKeys = database.prepare(
      `DELETE FROM idempotency_key
       WHERE recorded_at < ? AND number < (SELECT min(number) + 4 FROM idempotency_key)`,
    );
  }

  /** First of all in each transaction: others may have appended since the last one. */
  begin(): void {
    this.#position = firstNumber(this.#head.get()) ?? 0;
  }

  write({ writes, options }: AppendRequest): AppendOutcome {
    const { source, idempotencyKey } = options;
    const recorded = idempotencyKey === undefined ? undefined : this.#outcomeOfKey.get(idempotencyKey);
    if (recorded) return JSON.parse(String(recorded.outcome)) as Appended;
    if (source) {
      const stored = progressOf(this.#progress.get(source.name));
      if (!isProgressExpected(source.expected, stored)) return { outcome: 'fenced', actual: stored };
    }
    const firstVersions: number[] = [];
    const versions = new Map<StreamName, number>();
    for (const { stream, expected, rows } of writes) {
      const actual = versions.get(stream) ?? firstNumber(this.#version.get(stream)) ?? 0;
      if (!isVersionExpected(expected, actual)) return { outcome: 'conflict', stream, expected, actual };
      firstVersions.push(actual + 1);
      versions.set(stream, actual + rows.length);
    }
    writes.forEach((write, index) => {
      this.#insertEvents(write, firstVersions[index]!);
    });
    if (source) this.#setProgress.run(source.name, BigInt.asIntN(64, source.lsn), source.position);
    const outcome: Appended = {
      outcome: 'appended',
      position: this.#position,
      versions: Object.fromEntries(versions),
      isDuplicate: false,
    };
    if (idempotencyKey !== undefined) this.#record(idempotencyKey, outcome);
    return outcome;
  }

  #insertEvents({ stream, category, rows }: StreamRows, firstVersion: number): void {
    let version = firstVersion;
    for (const { type, id, time, schemaVersion, data, meta } of rows) {
      this.#position += 1;
      this.#insert.run(this.#position, stream, version, category, type, id, time, schemaVersion, data, meta);
      version += 1;
    }
  }

  #record(key: string, outcome: Appended): void {
    const now = Date.now();
    this.#dropOldKeys.run(now - KEY_RETENTION_MS);
    this.#recordKey.run(key, now, JSON.stringify({ ...outcome, isDuplicate: true }));
  }
}

/** From a row read with `setReadBigInts`, since an LSN needs all 64 bits. */
export function progressOf(row: unknown): SourceProgress | undefined {
  if (row === undefined) return undefined;
  const { name, lsn: stored, position } = row as { name: string; lsn: bigint; position: bigint };
  return { name, lsn: unsignedLsn(stored), position: Number(position) };
}

/** From a statement with `setReturnArrays`. */
export function firstNumber(row: unknown): number | undefined {
  return row === undefined ? undefined : (row as readonly number[])[0];
}

function unsignedLsn(stored: bigint): Lsn {
  return lsn(BigInt.asUintN(64, stored));
}
