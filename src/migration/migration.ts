// A domain's migration is a stream of events like any other: what is known of it is their fold, and an append with the
// expected version is the compare-and-set that decides between two operators.
import type { EventStore } from '../event-store/event-store.ts';
import { BanyanError } from '../kernel/error.ts';
import type { NewEvent } from '../kernel/event.ts';
import { type DomainRoute, type GateResult, INITIAL_ROUTE, type StageChanged } from '../kernel/stage.ts';
import { streamName } from '../kernel/stream.ts';
import { uuidv7 } from '../kernel/uuid.ts';

export const MIGRATION_CATEGORY = 'migration';

// Stored for ever.
export interface BackfillRecorded {
  readonly rows: number;
  readonly by: string;
}
export interface VerificationRecorded {
  readonly lsn: string;
  readonly rows: number;
  readonly rowsDiffering: number;
  readonly by: string;
}
export interface GatesRefused {
  readonly to: string;
  readonly gates: readonly GateResult[];
  readonly by: string;
}
export type MigrationEvent =
  | { readonly type: 'StageChanged'; readonly data: StageChanged }
  | { readonly type: 'BackfillRecorded'; readonly data: BackfillRecorded }
  | { readonly type: 'VerificationRecorded'; readonly data: VerificationRecorded }
  | { readonly type: 'GatesRefused'; readonly data: GatesRefused };

export interface Migration {
  readonly domain: string;
  /** Of the stream: what the next append expects. */
  readonly version: number;
  readonly route: DomainRoute;
  readonly backfilledRows: number | null;
  /** The newest one since the domain's tables were last opened. */
  readonly verification: (VerificationRecorded & { readonly at: string }) | null;
}

export function initialMigration(domain: string): Migration {
  return { domain, version: 0, route: INITIAL_ROUTE, backfilledRows: null, verification: null };
}

export function evolve(
  migration: Migration,
  event: MigrationEvent & { readonly version: number; readonly time: string },
): Migration {
  const { version } = event;
  switch (event.type) {
    case 'StageChanged': {
      const { to, percent } = event.data;
      const route: DomainRoute = { stage: to, percent, epoch: migration.route.epoch, revision: version };
      // What was verified of rows that are no longer watched says nothing.
      return { ...migration, version, route, verification: to === 'mapped' ? null : migration.verification };
    }
    case 'BackfillRecorded':
      return { ...migration, version, backfilledRows: event.data.rows };
    case 'VerificationRecorded':
      return { ...migration, version, verification: { ...event.data, at: event.time } };
    case 'GatesRefused':
      return { ...migration, version };
  }
}

export async function readMigration(eventLog: EventStore, domain: string): Promise<Migration> {
  let migration = initialMigration(domain);
  for await (const events of eventLog.readStream(migrationStream(domain))) {
    for (const event of events) {
      migration = evolve(migration, {
        ...(event as MigrationEvent),
        version: event.version,
        time: event.time,
      });
    }
  }
  return migration;
}

/** Appends one event; rejects with MIGRATION_CONFLICT when somebody else appended since `migration` was read. */
export async function record(
  eventLog: EventStore,
  migration: Migration,
  event: MigrationEvent,
  by: string,
): Promise<Migration> {
  const recorded: NewEvent = {
    id: uuidv7(),
    type: event.type,
    time: new Date().toISOString(),
    schemaVersion: 1,
    data: event.data,
    meta: { origin: 'command', actor: by },
  };
  const outcome = await eventLog.append([
    { stream: migrationStream(migration.domain), expected: migration.version, events: [recorded] },
  ]);
  if (outcome.outcome !== 'appended') {
    throw new BanyanError('MIGRATION_CONFLICT', `The migration of ${migration.domain} moved on meanwhile`, {
      at: migrationStream(migration.domain),
    });
  }
  return evolve(migration, { ...event, version: migration.version + 1, time: recorded.time });
}

function migrationStream(domain: string): string {
  return streamName(MIGRATION_CATEGORY, domain);
}
