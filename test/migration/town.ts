// Two domains to move about: orders, and parcels, which listens to them. Logs in memory; the source, the copying and the roles
// written by hand, each saying what it was asked and answering what a test tells it to.
import { defineDomain, defineEvents, defineSource, text } from 'banyan';
import { z } from 'zod';
import type { CaptureStatus, DomainTraffic, ServiceStatus } from '../../src/control/role-status.ts';
import type { Domain } from '../../src/domain/domain.ts';
import {
  createMemoryEventStore,
  type MemoryEventStore,
} from '../../src/event-store/memory/memory-event-store.ts';
import { lsn } from '../../src/kernel/lsn.ts';
import { INITIAL_ROUTE, type Stage } from '../../src/kernel/stage.ts';
import { DEFAULT_GATE_LIMITS, type GateLimits } from '../../src/migration/gate-limits.ts';
import { readMigration, record } from '../../src/migration/migration.ts';
import type { MigrationContext, SourceAdmin } from '../../src/migration/ports.ts';

export const SOURCE = 'town';

const source = defineSource({
  name: SOURCE,
  tables: {
    orders: { key: ['id'], columns: { id: text() } },
    parcels: { key: ['id'], columns: { id: text() } },
  },
});
const orderEvents = defineEvents({ OrderPlaced: z.object({ id: z.string() }) });
const parcelEvents = defineEvents({ ParcelSent: z.object({ id: z.string() }) });
const nothing = { update: () => null, delete: () => null };

export const orders = defineDomain({
  name: 'orders',
  source,
  events: orderEvents,
  capture: {
    orders: {
      ...nothing,
      stream: ({ id }) => `order-${id}`,
      insert: (emit, { id }) => emit.OrderPlaced({ id }),
      backfill: (emit, { id }) => emit.OrderPlaced({ id }),
    },
  },
  projection: { version: 1, tables: {}, on: {} },
  queries: {},
  commands: [],
});

export const parcels = defineDomain({
  name: 'parcels',
  source,
  events: parcelEvents,
  listensTo: [orderEvents],
  capture: {
    parcels: {
      ...nothing,
      stream: ({ id }) => `parcel-${id}`,
      insert: (emit, { id }) => emit.ParcelSent({ id }),
      backfill: (emit, { id }) => emit.ParcelSent({ id }),
    },
  },
  projection: { version: 1, tables: {}, on: {} },
  queries: {},
  commands: [],
});

export interface Town {
  readonly context: MigrationContext;
  readonly eventLog: MemoryEventStore;
  readonly changeLog: MemoryEventStore;
  /** What the source and the copying were asked, in order. */
  readonly asked: string[];
  /** What the ports answer. A test writes here. */
  readonly says: {
    obstacles: readonly string[];
    flushedLsn: bigint;
    capture: CaptureStatus | null;
    service: ServiceStatus | null;
    traffic: DomainTraffic | null;
  };
  /** Replaced by a test where something has to fail or to wait. */
  readonly admin: { -readonly [K in keyof SourceAdmin]: SourceAdmin[K] };
}

export function openTown(limits: Partial<GateLimits> = {}): Town {
  const asked: string[] = [];
  const says: Town['says'] = {
    obstacles: [],
    flushedLsn: 0n,
    capture: captureStatus,
    service: serviceStatus,
    traffic: trafficOf({}),
  };
  const admin: Town['admin'] = {
    open: async () => void asked.push('open'),
    publish: async (tables) => void asked.push(`publish ${tables.join(', ')}`),
    withdraw: async (tables) => void asked.push(`withdraw ${tables.join(', ')}`),
    obstacles: async () => says.obstacles,
    flushedLsn: async () => lsn(says.flushedLsn),
  };
  const eventLog = createMemoryEventStore();
  const changeLog = createMemoryEventStore();
  const context: MigrationContext = {
    domains: [orders, parcels],
    source: SOURCE,
    eventLog,
    changeLog,
    admin,
    backfiller: {
      copy: async (table) => {
        asked.push(`copy ${table}`);
        return 7;
      },
    },
    probe: {
      capture: async () => says.capture,
      service: async () => says.service,
      traffic: async () => says.traffic,
    },
    limits: { ...DEFAULT_GATE_LIMITS, captureLagMs: 50, ...limits },
  };
  return { context, eventLog, changeLog, asked, says, admin };
}

/** Writes down that the domain stands there, as if every gate had passed. */
export async function putAt({ eventLog }: Town, { name }: Domain, to: Stage, percent = 0): Promise<void> {
  const migration = await readMigration(eventLog, name);
  const data = {
    ...{ domain: name, from: migration.route.stage, to, percent, direction: 'promote' as const },
    ...{ by: 'ann', reason: null, gates: [] },
  };
  await record(eventLog, migration, { type: 'StageChanged', data }, 'ann');
}

/** The types and outcomes in a domain's stream. */
export async function historyOf({ eventLog }: Town, { name }: Domain): Promise<readonly string[]> {
  const history: string[] = [];
  for await (const events of eventLog.readStream(`migration-${name}`)) {
    for (const { type, data } of events) {
      const { to, percent } = data as { readonly to?: string; readonly percent?: number };
      history.push([type, to, percent || undefined].filter((part) => part !== undefined).join(' '));
    }
  }
  return history;
}

const captureStatus: CaptureStatus = {
  ...{ role: 'capture', state: 'streaming', source: SOURCE, frontier: '0/0', lagMs: null },
  ...{ transactionsCaptured: 0, changesCaptured: 0, eventsCaptured: 0, eventsBackfilled: 0 },
  ...{ slotRetainedBytes: null, slotLimitBytes: null, tables: [], unmapped: [], parked: [] },
};

const serviceStatus: ServiceStatus = {
  ...{
    role: 'service',
    domain: 'orders',
    state: 'live',
    position: 1_000,
    head: 1_000,
    lagEvents: 0,
    parked: [],
  },
  ...{ lagMs: 0, noProgressMs: 0, frontier: {}, rebuild: null, error: null },
  queries: { answered: 0, behind: 0, failed: 0 },
};

/** What a gateway has counted since the domain's last move. */
export function trafficOf(since: Partial<DomainTraffic['sinceMove']>): DomainTraffic {
  const shadow = { compared: 0, match: 0, lag: 0, raced: 0, noise: 0, differs: 0, dropped: 0, failed: 0 };
  return {
    ...{ domain: 'orders', route: INITIAL_ROUTE, readsByMonolith: 0, readsByService: 0, fallbackBehind: 0 },
    ...{ fallbackFailed: 0, commands: 0, failed: 0, shadow, shadowSamples: [] },
    sinceMove: { readsByService: 0, fallbackBehind: 0, fallbackFailed: 0, compared: 0, differs: 0, ...since },
  };
}
