// The replication slot: what makes the source keep the WAL that capture has not confirmed. Created once, never silently.
import { BanyanError } from '../../kernel/error.ts';
import { formatLsn, type Lsn, parseLsn } from '../../kernel/lsn.ts';
import { type PostgresClient, queryText } from '../../postgres/connect.ts';

export interface SlotState {
  readonly isActive: boolean;
  readonly activePid: string | null;
  /** Invalidated: the WAL it needed is gone. */
  readonly isLost: boolean;
  readonly confirmedLsn: Lsn;
  readonly retainedBytes: number;
  /** `max_slot_wal_keep_size`; null = the slot may fill the disk. */
  readonly limitBytes: number | null;
}

export async function inspectSlot(client: PostgresClient, slot: string): Promise<SlotState | undefined> {
  const [row] = await queryText(
    client,
    `SELECT active, active_pid, wal_status, confirmed_flush_lsn, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint AS retained,
            (SELECT CASE WHEN setting = '-1' THEN NULL ELSE (setting::bigint * 1048576)::text END FROM pg_settings WHERE name = 'max_slot_wal_keep_size') AS allowed
     FROM pg_replication_slots WHERE slot_name = $1 AND database = current_database()`,
    [slot],
  );
  if (!row) return undefined;
  return {
    isActive: row.active === 't',
    activePid: row.active_pid ?? null,
    isLost: row.wal_status === 'lost' || row.confirmed_flush_lsn === null,
    confirmedLsn: parseLsn(row.confirmed_flush_lsn ?? '0/0'),
    retainedBytes: Number(row.retained ?? 0),
    limitBytes: row.allowed === null || row.allowed === undefined ? null : Number(row.allowed),
  };
}

/** Creates the slot unless it exists; answers the LSN from which it has everything. Waits for running writers. */
export async function createSlot(client: PostgresClient, slot: string): Promise<Lsn> {
  const existing = await inspectSlot(client, slot);
  if (existing) return existing.confirmedLsn;
  const [row] = await queryText(
    client,
    `SELECT lsn FROM pg_create_logical_replication_slot($1, 'pgoutput')`,
    [slot],
  );
  return parseLsn(row!.lsn!);
}

export async function dropSlot(client: PostgresClient, slot: string): Promise<void> {
  await queryText(
    client,
    'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
    [slot],
  );
}

/** `found` is a slot that was invalidated, if any. */
export function slotMissing(found: SlotState | undefined, at: string): BanyanError {
  return new BanyanError(
    'SLOT_MISSING',
    found ? 'The replication slot was invalidated' : 'The replication slot does not exist',
    { at, ...(found ? { why: 'the server dropped the WAL that the slot needed' } : {}) },
  );
}

export function slotGap(logged: Lsn, begins: Lsn, at: string): BanyanError {
  return new BanyanError('SLOT_GAP', 'The slot is ahead of the log: changes between them are gone', {
    at,
    why: `the log ends at ${formatLsn(logged)}, the slot begins at ${formatLsn(begins)}`,
  });
}
