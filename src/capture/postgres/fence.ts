// After a table enters the publication: wait until every transaction that was running has ended. What such a transaction
// wrote before the ALTER is not in the stream, and what it had not committed is not in a snapshot either: without the
// fence a row can be in neither.
import { BanyanError } from '../../kernel/error.ts';
import { type PostgresClient, queryText } from '../../postgres/connect.ts';
import { waitUntil } from '../../runtime/wait.ts';

export interface FenceOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told what is waited for, whenever that changes. */
  readonly onWaiting?: (blockers: string) => void;
}

/** Rejects with FENCE_TIMEOUT naming the transactions that are still running. */
export async function fence(
  client: PostgresClient,
  { timeoutMs, signal, onWaiting }: FenceOptions,
): Promise<void> {
  // An id of our own: a snapshot's xmax ends at the last transaction that has ended, and may leave out one that runs.
  const [start] = await queryText(client, 'SELECT pg_current_xact_id()::text AS edge');
  let told = '';
  const passed = await waitUntil(
    async () => {
      const [now] = await queryText(
        client,
        'SELECT (pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8)::text AS passed',
        [start!.edge],
      );
      if (now!.passed === 'true') return true;
      const blockers = await runningWriters(client, start!.edge!);
      if (blockers !== told) {
        told = blockers;
        onWaiting?.(blockers);
      }
      return false;
    },
    { timeoutMs, everyMs: 25, signal },
  );
  if (passed) return;
  if (signal.aborted) throw new BanyanError('INTERRUPTED', 'Stopped waiting for running transactions to end');
  throw new BanyanError(
    'FENCE_TIMEOUT',
    `Transactions that began before are still running after ${timeoutMs / 1_000} s`,
    {
      why: await runningWriters(client, start!.edge!),
    },
  );
}

async function runningWriters(client: PostgresClient, edge: string): Promise<string> {
  const rows = await queryText(
    client,
    `SELECT 'pid ' || pid || ' (' || coalesce(nullif(application_name, ''), 'no name') || ', ' || state || ' for ' ||
            round(extract(epoch FROM now() - xact_start))::text || ' s)' AS blocker
     FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND backend_xid::text::bigint < ($1::xid8)::text::bigint % 4294967296
     UNION ALL SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts`,
    [edge],
  );
  return rows.map((row) => row.blocker).join('; ') || 'a transaction that has just ended';
}
