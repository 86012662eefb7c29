// Opens a source once: publication, then slot, then the record of both in the change log. The publication comes first,
// because a slot that is older than its publication cannot decode with it. Every step may be repeated.
import type { EventStore } from '../../event-store/event-store.ts';
import { BanyanError } from '../../kernel/error.ts';
import { formatLsn } from '../../kernel/lsn.ts';
import { uuidv7 } from '../../kernel/uuid.ts';
import { connectPostgres, queryText } from '../../postgres/connect.ts';
import { addressOf } from '../../postgres/fault.ts';
import { readSourceOpened } from '../capture.ts';
import { type SourceOpened, sourceStream } from '../change.ts';
import { createPublication } from './publication.ts';
import type { ReplicationTarget } from './replication-connection.ts';
import { createSlot, inspectSlot } from './slot.ts';

export interface OpenSourceOptions extends ReplicationTarget {
  readonly name: string;
  readonly changeLog: EventStore;
}

/** Rejects with SOURCE_CHANGED when the log captures another database, SLOT_MISSING when the slot it recorded is gone. */
export async function openSource({
  name,
  url,
  slot,
  publication,
  changeLog,
}: OpenSourceOptions): Promise<SourceOpened> {
  const client = await connectPostgres(url, { applicationName: 'banyan operator' });
  try {
    const [here] = await queryText(
      client,
      `SELECT system_identifier::text AS system, timeline_id::text AS timeline, current_database() AS database
       FROM pg_control_system(), pg_control_checkpoint()`,
    );
    const recorded = await readSourceOpened(changeLog, name);
    if (recorded) {
      const { event } = recorded;
      if (event.systemId !== here!.system || event.database !== here!.database) {
        throw new BanyanError('SOURCE_CHANGED', `The log captures another database than ${addressOf(url)}`, {
          at: sourceStream(name),
        });
      }
      if (!(await inspectSlot(client, event.slot))) {
        throw new BanyanError('SLOT_MISSING', `The slot ${event.slot} is gone`, { at: addressOf(url) });
      }
      return event;
    }
    await createPublication(client, publication);
    const start = await createSlot(client, slot);
    const event: SourceOpened = {
      systemId: here!.system!,
      timeline: Number(here!.timeline),
      database: here!.database!,
      slot,
      publication,
    };
    const meta = { origin: 'capture', source: { name, lsn: formatLsn(start), xid: '0' } } as const;
    const opened = {
      id: uuidv7(),
      type: 'SourceOpened',
      time: new Date().toISOString(),
      schemaVersion: 1,
      data: event,
      meta,
    };
    const outcome = await changeLog.append([
      { stream: sourceStream(name), expected: 'none', events: [opened] },
    ]);
    // Somebody else opened it in the same moment: theirs counts, and it is the same slot.
    return outcome.outcome === 'appended'
      ? event
      : ((await readSourceOpened(changeLog, name))?.event ?? event);
  } finally {
    await client.end();
  }
}
