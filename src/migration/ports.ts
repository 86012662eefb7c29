// PORTS of the migration: what its steps do to the world, and what its gates look at.
import type { BackfillProgress } from '../backfill/backfill.ts';
import type { CaptureStatus, DomainTraffic, ServiceStatus } from '../control/role-status.ts';
import type { Domain } from '../domain/domain.ts';
import type { EventStore } from '../event-store/event-store.ts';
import type { Lsn } from '../kernel/lsn.ts';
import type { GateLimits } from './gate-limits.ts';

/** What the operator may do at the source. Every call may be repeated. */
export interface SourceAdmin {
  /** Publication and slot, recorded in the change log. */
  open(): Promise<void>;
  /** Tables into the publication, then the fence: every transaction that was running has ended when this resolves. */
  publish(
    tables: readonly string[],
    options: { readonly signal: AbortSignal; readonly onWaiting: (blockers: string) => void },
  ): Promise<void>;
  withdraw(tables: readonly string[]): Promise<void>;
  /** What stands in the way of capturing these tables; empty when nothing does. */
  obstacles(tables: readonly string[]): Promise<readonly string[]>;
  /** A place behind everything that has been committed, which the source will send. */
  flushedLsn(): Promise<Lsn>;
}

export interface Backfiller {
  /** Copies what is not copied yet of one table; resolves with its rows once all of them are events. */
  copy(
    table: string,
    options: { readonly signal: AbortSignal; readonly onProgress?: (progress: BackfillProgress) => void },
  ): Promise<number>;
}

/** Asks the running roles; null when one does not answer. */
export interface RoleProbe {
  capture(): Promise<CaptureStatus | null>;
  service(domain: string): Promise<ServiceStatus | null>;
  traffic(domain: string): Promise<DomainTraffic | null>;
}

export interface MigrationContext {
  readonly domains: readonly Domain[];
  readonly source: string;
  readonly eventLog: EventStore;
  readonly changeLog: EventStore;
  readonly admin: SourceAdmin;
  readonly backfiller: Backfiller;
  readonly probe: RoleProbe;
  readonly limits: GateLimits;
}

/** The domains whose events a domain's projection listens to, without itself. */
export function inputsOf(context: MigrationContext, domain: Domain): readonly Domain[] {
  const listened = new Set(domain.listensTo.flatMap((catalogue) => Object.keys(catalogue)));
  return context.domains.filter(
    ({ name, events }) => name !== domain.name && Object.keys(events).some((type) => listened.has(type)),
  );
}
