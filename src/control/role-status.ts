// What each role answers on its control endpoint `GET /status`, and the internal headers between gateway and service.
import type { DomainRoute } from '../kernel/stage.ts';
import type { ParkedStream } from '../projection/read-store.ts';

export interface CaptureStatus {
  readonly role: 'capture';
  /** unopened: no domain captured yet. standby: another capture holds the lease. */
  readonly state: 'unopened' | 'standby' | 'streaming' | 'reconnecting';
  readonly source: string;
  /** Everything the source committed up to here is in the event log. */
  readonly frontier: string;
  readonly transactionsCaptured: number;
  readonly changesCaptured: number;
  /** Events that changes became, and events that copied rows became. */
  readonly eventsCaptured: number;
  readonly eventsBackfilled: number;
  /** Age of the newest change when its event was appended, of late; null before the first. */
  readonly lagMs: number | null;
  /** WAL the slot makes the source keep, and what the source allows it (null = no limit). */
  readonly slotRetainedBytes: number | null;
  readonly slotLimitBytes: number | null;
  readonly tables: readonly {
    readonly table: string;
    readonly state: 'pending' | 'live';
    readonly rows: number;
  }[];
  /** Row changes that mapped to no event: counted, never dropped silently. */
  readonly unmapped: readonly { readonly table: string; readonly op: string; readonly count: number }[];
  /** Keys whose mapping failed; later changes of the key queue behind it. */
  readonly parked: readonly {
    readonly table: string;
    readonly key: string;
    readonly error: string;
    readonly waiting: number;
  }[];
}

export interface ServiceStatus {
  readonly role: 'service';
  readonly domain: string;
  /** building: the store has never been caught up, queries are refused. live: within reach of the head. */
  readonly state: 'building' | 'live';
  readonly position: number;
  readonly head: number;
  readonly lagEvents: number;
  /** How long ago the store last equalled the head; 0 while it does. */
  readonly lagMs: number;
  /** Since when the checkpoint has not moved although the head has; 0 when it moves. */
  readonly noProgressMs: number;
  /** Per source, the LSN whose events are all in the store. */
  readonly frontier: Readonly<Record<string, string>>;
  readonly rebuild: {
    readonly position: number;
    readonly head: number;
    readonly eventsPerSecond: number;
  } | null;
  /** Streams that stand still at an event which could not be applied. */
  readonly parked: readonly ParkedStream[];
  readonly error: string | null;
  readonly queries: { readonly answered: number; readonly behind: number; readonly failed: number };
}

export interface ShadowFigures {
  readonly compared: number;
  readonly match: number;
  readonly lag: number;
  readonly raced: number;
  readonly noise: number;
  readonly differs: number;
  /** Not compared: the pool was full, or the service did not answer. */
  readonly dropped: number;
  readonly failed: number;
}

export interface ShadowSample {
  readonly route: string;
  readonly target: string;
  readonly path: string;
  readonly monolith: string;
  readonly service: string;
  readonly count: number;
  readonly at: string;
}

/** What the gates ask of a domain's traffic. */
export interface TrafficEvidence {
  readonly readsByService: number;
  readonly fallbackBehind: number;
  readonly fallbackFailed: number;
  readonly compared: number;
  readonly differs: number;
}

export interface DomainTraffic {
  readonly domain: string;
  readonly route: DomainRoute;
  /** Queries by who answered, since this gateway started. */
  readonly readsByMonolith: number;
  readonly readsByService: number;
  /** Queries placed on the service's side that the monolith had to answer after all. */
  readonly fallbackBehind: number;
  readonly fallbackFailed: number;
  readonly commands: number;
  /** Answers of 500 and above, and failures to reach anyone. */
  readonly failed: number;
  readonly shadow: ShadowFigures;
  /** Since the domain's last move, or since this gateway started if that was later. */
  readonly sinceMove: TrafficEvidence;
  readonly shadowSamples: readonly ShadowSample[];
}

export interface GatewayStatus {
  readonly role: 'gateway';
  readonly requests: number;
  readonly inFlight: number;
  readonly domains: readonly DomainTraffic[];
}

export type RoleStatus = CaptureStatus | ServiceStatus | GatewayStatus;

/** Internal headers. The gateway strips every `banyan-*` header that a client sends, but for the token. */
export const HEADER = {
  /** Gateway to service: `<source>@<lsn>`, the least frontier the answer must be read at. */
  minPosition: 'banyan-min-position',
  /** Gateway to service: how long it may wait for that, in milliseconds. */
  waitMs: 'banyan-wait-ms',
  /** Service to gateway: `<source>@<lsn>`, the frontier of the snapshot it answered from. */
  position: 'banyan-position',
  /** Service to gateway, with status 425 or 503: `behind` or `building`. Never shown to a client. */
  refused: 'banyan-refused',
  /** Gateway to client: who answered, `monolith` or `service`. */
  side: 'banyan-side',
  /** Gateway to client and back: the read-your-writes token, also as a cookie of that name. */
  token: 'banyan-token',
} as const;
