// The checkpoint's row in a store file.
import type { DatabaseSync } from 'node:sqlite';
import { formatLsn, parseLsn } from '../../kernel/lsn.ts';
import type { Frontier, StoreCheckpoint } from '../read-store.ts';

export function readCheckpoint(database: DatabaseSync): StoreCheckpoint | undefined {
  const row = database
    .prepare('SELECT log_id, recovery_epoch, position, frontier FROM banyan_checkpoint')
    .get();
  if (!row || row.position === null) return undefined;
  const lsns = JSON.parse(String(row.frontier)) as Record<string, string>;
  const frontier: Frontier = Object.fromEntries(
    Object.entries(lsns).map(([source, lsn]) => [source, parseLsn(lsn)]),
  );
  return {
    log: { id: String(row.log_id), recoveryEpoch: Number(row.recovery_epoch) },
    position: Number(row.position),
    frontier,
  };
}

export function frontierText(frontier: Frontier): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(frontier).map(([source, lsn]) => [source, formatLsn(lsn)])),
  );
}
