// Who answers a request: a pure function of the request and the route table.
//
// stage                  query                                              command
// mapped … backfilled    monolith                                           monolith
// shadowing              monolith, a sample also compared                   monolith
// reading n %            n % of sessions: the service; the others: the      monolith
//                        monolith, a sample also compared
// A request that no domain claims goes to the monolith.
import { hash } from 'node:crypto';
import type { Lsn } from '../kernel/lsn.ts';
import type { DomainRoute } from '../kernel/stage.ts';
import { isAmbiguous, pathOf } from './http/target.ts';
import type { Claim, RouteTable } from './route-table.ts';

/** How new an answer has to be for its session. `infinite`: the session wrote, and where in the log is not known. */
export type Freshness = 'any' | 'infinite' | Lsn;

export interface RequestFacts {
  readonly method: string;
  /** As it came. */
  readonly target: string;
  readonly hasBody: boolean;
  /** What keeps a session on its side. */
  readonly sessionKey: string;
  readonly freshness: Freshness;
  /** Drawn for this request, 0 up to 1: below the sample rate, it is compared. */
  readonly draw: number;
  readonly shadowSampleRate: number;
}

export type RouteDecision =
  | { readonly outcome: 'refuse'; readonly why: string }
  | {
      readonly outcome: 'forward';
      readonly side: 'monolith' | 'service';
      /** The session's place; not the side when only the monolith can be new enough. */
      readonly placedOn: 'monolith' | 'service';
      readonly claim: Claim | undefined;
      /** Compare the monolith's answer with the service's. */
      readonly shadow: boolean;
      /** The least position a service may answer from. */
      readonly minPosition: Lsn | undefined;
    };

const MONOLITH = {
  outcome: 'forward',
  side: 'monolith',
  placedOn: 'monolith',
  shadow: false,
  minPosition: undefined,
} as const;

export function decideRoute(facts: RequestFacts, table: RouteTable): RouteDecision {
  const path = pathOf(facts.target);
  if (isAmbiguous(path) && table.touchesClaim(path)) {
    return { outcome: 'refuse', why: 'The path can be read in more than one way.' };
  }
  const claim = table.claim(facts.method, path);
  const route = claim && table.routes[claim.domain];
  // A body would have to be kept to ask someone else after all; queries have none.
  if (!route || claim.kind === 'command' || facts.hasBody) return { ...MONOLITH, claim };
  if (isPlacedOnService(route, claim.domain, facts.sessionKey)) {
    const isKnown = facts.freshness !== 'infinite';
    return {
      outcome: 'forward',
      side: isKnown ? 'service' : 'monolith',
      placedOn: 'service',
      claim,
      shadow: false,
      minPosition: typeof facts.freshness === 'bigint' ? facts.freshness : undefined,
    };
  }
  const isCompared = route.stage === 'shadowing' || route.stage === 'reading';
  const shadow = isCompared && facts.method === 'GET' && facts.draw < facts.shadowSampleRate;
  return { ...MONOLITH, claim, shadow };
}

function isPlacedOnService(route: DomainRoute, domain: string, sessionKey: string): boolean {
  return route.stage === 'reading' && bucketOf(domain, sessionKey) < route.percent * 100;
}

/** 0 to 9,999, the same for ever: a share that grows takes sessions in and moves none out. */
export function bucketOf(domain: string, sessionKey: string): number {
  return hash('sha256', `${domain}\0${sessionKey}`, 'buffer').readUInt32BE(0) % 10_000;
}
