// What stands in the write-ahead log and no commit follows (pruned pages, hint bits) stays in the server's memory, for up to
// 15 seconds when nothing else happens, and a walsender sends only what is on disk. Whoever waits for a place behind it
// waits that long, so an empty commit of ours takes it along.
import { type Lsn, parseLsn } from '../../kernel/lsn.ts';
import { connectPostgres, type PostgresClient, queryText } from '../../postgres/connect.ts';
import type { Log } from '../../runtime/log.ts';
import { pause } from '../../runtime/wait.ts';

const LOOK_EVERY_MS = 100;
const RECONNECT_MS = 2_000;

/** Puts everything that is in the log now on disk; answers an LSN behind it that will be sent. */
export async function flushWal(client: PostgresClient): Promise<Lsn> {
  // A commit is only waited for when its transaction wrote something; nobody captures this.
  await queryText(client, "SELECT pg_logical_emit_message(true, 'flush', '')");
  const [row] = await queryText(client, 'SELECT pg_current_wal_flush_lsn() AS lsn');
  return parseLsn(row!.lsn!);
}

/** Looks now and then, until `signal` aborts: what has not moved between two looks, nobody else will flush soon. */
export async function keepFlushed(
  url: string,
  { signal, log }: { signal: AbortSignal; log: Log },
): Promise<void> {
  while (!signal.aborted) {
    try {
      const settings = { synchronous_commit: 'local' };
      const client = await connectPostgres(url, { applicationName: 'banyan capture', settings });
      try {
        await watch(client, signal);
      } finally {
        await client.end();
      }
    } catch (error) {
      log.debug({ err: error }, 'the write-ahead log could not be looked at');
      await pause(RECONNECT_MS, signal);
    }
  }
}

async function watch(client: PostgresClient, signal: AbortSignal): Promise<void> {
  let before: string | undefined;
  while (!signal.aborted) {
    const [row] = await queryText(
      client,
      'SELECT pg_current_wal_insert_lsn() AS written, pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn() AS lies',
    );
    const { written, lies } = row!;
    if (lies === 't' && written === before) await flushWal(client);
    before = written ?? undefined;
    await pause(LOOK_EVERY_MS, signal);
  }
}
