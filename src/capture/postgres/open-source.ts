// Opens a source: publication, then slot, then the record of both in the change log. The publication comes first, because
// a slot that is older than its publication cannot decode with it. Every step may be repeated. A slot that was lost is
// made anew only when nothing is captured through it: everything else has to be copied again first.
import type { EventStore } from '../../event-store/event-store.ts';
import { BanyanError } from '../../kernel/error.ts';
import type { NewEvent } from '../../kernel/event.ts';
import { formatLsn, LSN_ZERO, type Lsn, maxLsn } from '../../kernel/lsn.ts';
import { uuidv7 } from '../../kernel/uuid.ts';
import { connectPostgres, type PostgresClient, queryText } from '../../postgres/connect.ts';
import { addressOf } from '../../postgres/fault.ts';
import { type OpenedSource, readSourceOpened } from '../capture.ts';
import { type SourceOpened, slotStream } from '../change.ts';
import { createPublication, publishedTables } from './publication.ts';
import type { ReplicationTarget } from './replication-connection.ts';
import { createSlot, dropSlot, inspectSlot, slotGap, slotMissing } from './slot.ts';

export interface OpenSourceOptions extends ReplicationTarget {
  readonly name: string;
  readonly changeLog: EventStore;
}

/**
 * Rejects with SOURCE_CHANGED when the log captures another database; SLOT_MISSING or SLOT_GAP when the slot lost changes
 * of tables that are captured.
 */
export async function openSource(options: OpenSourceOptions): Promise<SourceOpened> {
  const { name, url, slot, publication, changeLog } = options;
  const client = await connectPostgres(url, { applicationName: 'banyan operator' });
  try {
    const here = await identify(client);
    const recorded = await readSourceOpened(changeLog, name);
    if (recorded) {
      assertSameDatabase(options, here, recorded.event);
      const loss = await lossOf(client, changeLog, name, recorded);
      if (!loss) return recorded.event;
      if ((await publishedTables(client, publication)).length > 0) throw loss;
      await dropSlot(client, recorded.event.slot);
    }
    await createPublication(client, publication);
    const startLsn = await createSlot(client, slot);
    const event: SourceOpened = { ...here, slot, publication };
    const outcome = await changeLog.append([
      {
        stream: slotStream(name),
        expected: recorded?.version ?? 'none',
        events: [sourceOpened(name, event, startLsn)],
      },
    ]);
    // Somebody else opened it in the same moment: theirs counts, and it is the same slot.
    return outcome.outcome === 'appended'
      ? event
      : ((await readSourceOpened(changeLog, name))?.event ?? event);
  } finally {
    await client.end();
  }
}

type Database = Pick<SourceOpened, 'systemId' | 'timeline' | 'database'>;

async function identify(client: PostgresClient): Promise<Database> {
  const [row] = await queryText(
    client,
    `SELECT system_identifier::text AS system, timeline_id::text AS timeline, current_database() AS database
     FROM pg_control_system(), pg_control_checkpoint()`,
  );
  return { systemId: row!.system!, timeline: Number(row!.timeline), database: row!.database! };
}

function assertSameDatabase({ name, url }: OpenSourceOptions, here: Database, recorded: SourceOpened): void {
  if (recorded.systemId === here.systemId && recorded.database === here.database) return;
  throw new BanyanError('SOURCE_CHANGED', `The log captures another database than ${addressOf(url)}`, {
    at: slotStream(name),
  });
}

/** What the slot no longer has and the log has not got; undefined when nothing is missing. */
async function lossOf(
  client: PostgresClient,
  changeLog: EventStore,
  name: string,
  { event: { slot }, startLsn }: OpenedSource,
): Promise<BanyanError | undefined> {
  const found = await inspectSlot(client, slot);
  if (!found || found.isLost) return slotMissing(found, `slot ${slot}`);
  const logged = maxLsn((await changeLog.sourceProgress(name))?.lsn ?? LSN_ZERO, startLsn);
  return found.confirmedLsn > logged ? slotGap(logged, found.confirmedLsn, `slot ${slot}`) : undefined;
}

function sourceOpened(name: string, event: SourceOpened, startLsn: Lsn): NewEvent {
  return {
    id: uuidv7(),
    type: 'SourceOpened',
    time: new Date().toISOString(),
    schemaVersion: 1,
    data: event,
    meta: { origin: 'capture', source: { name, lsn: formatLsn(startLsn), xid: '0' } },
  };
}
