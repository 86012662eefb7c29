// Routes as a table of method and pattern; a literal segment wins over a parameter.
import type { Reader } from './token.ts';

export interface ApiRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Who is asking; null for a visitor without a token. */
  readonly reader: Reader | null;
  /** The JSON object in the body; 400, 413 or 415 where there is none. */
  body(): Promise<Readonly<Record<string, unknown>>>;
}

export interface Reply {
  readonly status: number;
  /** Sent as JSON; absent for 204. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface Route {
  readonly method: Method;
  /** Segments, `:name` for a parameter: `/api/posts/:id/claps`. */
  readonly pattern: string;
  readonly handle: (request: ApiRequest) => Promise<Reply>;
}

export type Match =
  | { readonly kind: 'found'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'method'; readonly allowed: readonly Method[] }
  | { readonly kind: 'none' };

/** Finds the route for decoded path segments. */
export function matchRoute(routes: readonly Route[], method: string, segments: readonly string[]): Match {
  const candidates = routes
    .map((route) => ({ route, pattern: route.pattern.slice(1).split('/') }))
    .filter(({ pattern }) => fits(pattern, segments))
    .sort((a, b) => countParameters(a.pattern) - countParameters(b.pattern));
  if (candidates.length === 0) return { kind: 'none' };
  const found = candidates.find(({ route }) => route.method === method);
  if (!found) return { kind: 'method', allowed: candidates.map(({ route }) => route.method) };
  const params = Object.fromEntries(
    found.pattern.flatMap((part, at) => (part.startsWith(':') ? [[part.slice(1), segments[at]!]] : [])),
  );
  return { kind: 'found', route: found.route, params };
}

function fits(pattern: readonly string[], segments: readonly string[]): boolean {
  if (pattern.length !== segments.length) return false;
  return pattern.every((part, at) => (part.startsWith(':') ? segments[at] !== '' : part === segments[at]));
}

function countParameters(pattern: readonly string[]): number {
  return pattern.filter((part) => part.startsWith(':')).length;
}
