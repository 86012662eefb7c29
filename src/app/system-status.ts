// The whole system at a glance: the fold of the migration's events beside what each role answers of itself.
import type { CaptureStatus, DomainTraffic, GatewayStatus, ServiceStatus } from '../control/role-status.ts';
import type { Domain } from '../domain/domain.ts';
import type { DomainRoute } from '../kernel/stage.ts';

export interface VerificationAge {
  readonly at: string;
  readonly by: string;
  readonly rows: number;
  readonly rowsDiffering: number;
}

export interface DomainStatus {
  readonly domain: string;
  readonly route: DomainRoute;
  readonly verification: VerificationAge | null;
  /** Null when the role does not answer. */
  readonly service: ServiceStatus | null;
  readonly traffic: DomainTraffic | null;
  /** What needs a person, worst first. */
  readonly trouble: readonly string[];
}

export interface SystemStatus {
  readonly name: string;
  readonly at: string;
  readonly domains: readonly DomainStatus[];
  readonly capture: CaptureStatus | null;
  readonly gateway: GatewayStatus | null;
}

/** What is wrong with a domain, in the order in which one would look. */
export function troubleOf(
  route: DomainRoute,
  service: ServiceStatus | null,
  traffic: DomainTraffic | null,
  verification: VerificationAge | null,
): readonly string[] {
  const trouble: string[] = [];
  if (service === null && route.stage !== 'mapped') trouble.push('service not running');
  if (service?.error) trouble.push(`projection stopped: ${service.error}`);
  if (service && service.parked.length > 0) trouble.push(`${service.parked.length} streams are parked`);
  if (service?.state === 'building') trouble.push('store is being built');
  if (service && service.noProgressMs > 10_000)
    trouble.push(`no progress for ${Math.round(service.noProgressMs / 1_000)} s`);
  if (verification && verification.rowsDiffering > 0)
    trouble.push(`${verification.rowsDiffering} rows differ`);
  if (traffic && traffic.sinceMove.differs > 0) trouble.push(`${traffic.sinceMove.differs} answers differ`);
  return trouble;
}

export interface ParkedItem {
  readonly domain: string;
  /** A key's mapping failed in translation, or a stream's event could not be applied by the projection. */
  readonly kind: 'key' | 'stream';
  /** `orders ["42"]`, or the stream's name. */
  readonly what: string;
  readonly error: string;
  readonly waiting: number;
}

/** What waits in translation and in the services, by domain. */
export function parkedItems(
  configured: readonly Domain[],
  domains: readonly DomainStatus[],
  capture: CaptureStatus | null,
): readonly ParkedItem[] {
  const keys = (capture?.parked ?? []).map(({ table, key, error, waiting }): ParkedItem => {
    const owner = configured.find((domain) => Object.hasOwn(domain.capture.tables, table));
    return { domain: owner?.name ?? '', kind: 'key', what: `${table} ${key}`, error, waiting };
  });
  const streams = domains.flatMap(({ domain, service }) =>
    (service?.parked ?? []).map(
      ({ stream, error, waiting }): ParkedItem => ({ domain, kind: 'stream', what: stream, error, waiting }),
    ),
  );
  return [...keys, ...streams];
}
