// The parked streams of a store file.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ParkedStream, ParkingChanges } from '../read-store.ts';

export const PARKED_TABLE = `CREATE TABLE banyan_parked (
    stream TEXT PRIMARY KEY, version INTEGER NOT NULL, position INTEGER NOT NULL,
    type TEXT NOT NULL, error TEXT NOT NULL, waiting INTEGER NOT NULL
  ) WITHOUT ROWID;`;

export function readParked(database: DatabaseSync): readonly ParkedStream[] {
  const rows = database
    .prepare('SELECT stream, version, position, type, error, waiting FROM banyan_parked ORDER BY position')
    .all();
  return rows.map((row) => ({
    stream: String(row.stream),
    version: Number(row.version),
    position: Number(row.position),
    type: String(row.type),
    error: String(row.error),
    waiting: Number(row.waiting),
  }));
}

export function writeParked(
  statement: (sql: string) => StatementSync,
  { parked, freed }: ParkingChanges,
): void {
  for (const stream of freed) statement('DELETE FROM banyan_parked WHERE stream = ?').run(stream);
  for (const { stream, version, position, type, error, waiting } of parked) {
    statement('INSERT OR REPLACE INTO banyan_parked VALUES (?, ?, ?, ?, ?, ?)').run(
      ...[stream, version, position, type, error, waiting],
    );
  }
}
