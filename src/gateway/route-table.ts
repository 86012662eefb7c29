// Which domain claims which request, and where that domain stands: plain data that every request reads once, when it
// begins, and keeps to its end. The stages are the fold of the migration's events, so every gateway and every restart agrees.
import findMyWay, { type HTTPMethod } from 'find-my-way';
import type { Domain, RoutePattern } from '../domain/domain.ts';
import { BanyanError } from '../kernel/error.ts';
import type { RecordedEvent } from '../kernel/event.ts';
import { type DomainRoute, INITIAL_ROUTE, STAGES, type StageChanged } from '../kernel/stage.ts';
import { lenientPath } from './http/target.ts';

export type RouteKind = 'query' | 'command';

export interface Claim {
  readonly domain: string;
  readonly kind: RouteKind;
  readonly pattern: RoutePattern;
  /** JSON paths that comparison leaves out. */
  readonly ignore: readonly string[];
}

export interface RouteTable {
  readonly routes: Readonly<Record<string, DomainRoute>>;
  /** Who claims a method and path; undefined: nobody, so the monolith. */
  readonly claim: (method: string, path: string) => Claim | undefined;
  /** Whether an ambiguous path could be taken for one that a domain claims. */
  readonly touchesClaim: (path: string) => boolean;
}

export function buildRouteTable(domains: readonly Domain[]): RouteTable {
  const router = findMyWay();
  const prefixes: string[] = [];
  const claims = domains.flatMap(claimsOf);
  const isClaimed = (method: string, path: string): boolean =>
    claims.some(({ pattern }) => pattern === `${method} ${path}`);
  for (const claim of claims) {
    const [method, path] = splitPattern(claim);
    prefixes.push(path.replace(/[:*(].*$/s, '').replace(/\/$/, ''));
    const methods = method === 'GET' && !isClaimed('HEAD', path) ? ['GET', 'HEAD'] : [method];
    try {
      router.on(methods as HTTPMethod[], path, () => undefined, claim);
    } catch (cause) {
      throw new BanyanError('CONFIG_INVALID', `Route \`${claim.pattern}\` cannot be claimed`, {
        at: `domain ${claim.domain}`,
        why: cause instanceof Error ? cause.message : String(cause),
        remedy: 'Write it as method, space, path with `:params`, and claim it in one domain only.',
        cause,
      });
    }
  }
  return {
    routes: Object.fromEntries(domains.map(({ name }) => [name, INITIAL_ROUTE])),
    claim: (method, path) => {
      const found = router.find(method as HTTPMethod, path);
      return found && hasEveryParameter(found.params) ? (found.store as Claim) : undefined;
    },
    touchesClaim: (path) => {
      const lenient = lenientPath(path).toLowerCase();
      return prefixes.some((prefix) => isUnder(lenient, prefix) || isUnder(path.toLowerCase(), prefix));
    },
  };
}

/** The table with one domain moved; requests that hold the old one keep it. */
export function withRoute(table: RouteTable, domain: string, route: DomainRoute): RouteTable {
  return { ...table, routes: { ...table.routes, [domain]: route } };
}

/** The next state of a domain's route. Events of other types, and those it has seen, change nothing. */
export function foldRoute(route: DomainRoute, event: RecordedEvent): DomainRoute {
  if (event.type !== 'StageChanged' || event.version <= route.revision) return route;
  const { to, percent } = event.data as StageChanged;
  // A stage that a later version of Banyan knows is left to that version: this gateway stays where it was.
  if (!STAGES.includes(to)) return route;
  return { ...route, stage: to, percent: to === 'reading' ? percent : 0, revision: event.version };
}

function claimsOf(domain: Domain): Claim[] {
  const queries = Object.entries(domain.queries).map(([pattern, { ignore }]): Claim => {
    return { domain: domain.name, kind: 'query', pattern, ignore };
  });
  const commands = domain.commands.map((pattern): Claim => {
    return { domain: domain.name, kind: 'command', pattern, ignore: [] };
  });
  return [...queries, ...commands];
}

function splitPattern({ domain, pattern, kind }: Claim): readonly [string, string] {
  const [, method, path] = /^([A-Z]+) (\/\S*)$/.exec(pattern) ?? [];
  if (!method || !path || (kind === 'query' && method !== 'GET' && method !== 'HEAD')) {
    throw new BanyanError('CONFIG_INVALID', `Route \`${pattern}\` is not of the form \`GET /path/:param\``, {
      at: `domain ${domain}`,
      why:
        kind === 'query'
          ? 'A query is a GET: it may be asked twice and of either side.'
          : 'It has no method or no path.',
    });
  }
  return [method, path];
}

/** `/posts/` is not the post without a name: to the monolith it is another page, or none. What `*` stands for may be empty. */
function hasEveryParameter(params: Readonly<Record<string, string | undefined>>): boolean {
  for (const name in params) if (params[name] === '' && name !== '*') return false;
  return true;
}

function isUnder(path: string, prefix: string): boolean {
  const own = prefix.toLowerCase();
  return path === own || path.startsWith(`${own}/`);
}
