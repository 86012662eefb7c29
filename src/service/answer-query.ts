// One query: wait, bounded, for what its session has written; then the watermark and the data in one snapshot.
import type { IncomingHttpHeaders } from 'node:http';
import { HEADER } from '../control/role-status.ts';
import type { Query } from '../domain/domain.ts';
import { isReply } from '../domain/reply.ts';
import { formatLsn, type Lsn, parseLsn } from '../kernel/lsn.ts';
import type { ServiceStore } from './service-store.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text; empty = no body. */
  readonly body: string;
}

export interface QueryCall {
  readonly query: Query;
  readonly params: Readonly<Record<string, string>>;
  readonly search: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly signal: AbortSignal;
}

const WAIT_MAX_MS = 10_000;

export async function answerQuery(store: ServiceStore, source: string, call: QueryCall): Promise<HttpAnswer> {
  if (!store.isLive) return refused(503, 'building');
  const wanted = minPosition(call.headers[HEADER.minPosition]);
  const waitMs = Math.min(WAIT_MAX_MS, Number(call.headers[HEADER.waitMs] ?? 0) || 0);
  const snapshot = await store.snapshot(wanted, waitMs);
  if (!snapshot) return refused(425, 'behind');
  await using _held = snapshot;
  const answer = await call.query.answer({
    params: call.params,
    search: call.search,
    headers: single(call.headers),
    read: snapshot.read,
    signal: call.signal,
  });
  const frontier = snapshot.frontier[source];
  const position = frontier === undefined ? {} : { [HEADER.position]: `${source}@${formatLsn(frontier)}` };
  if (isReply(answer)) {
    const body = answer.body === undefined ? '' : JSON.stringify(answer.body);
    return { status: answer.status, headers: { ...typeOf(body), ...answer.headers, ...position }, body };
  }
  const body = JSON.stringify(answer);
  return { status: 200, headers: { ...typeOf(body), ...position }, body };
}

export function problem(status: number, title: string, requestId?: string): HttpAnswer {
  const body = JSON.stringify({ type: 'about:blank', title, status, ...(requestId ? { requestId } : {}) });
  return { status, headers: { 'content-type': 'application/problem+json' }, body };
}

function refused(status: 425 | 503, why: 'behind' | 'building'): HttpAnswer {
  const answer = problem(
    status,
    why === 'behind' ? 'The store has not reached the position yet' : 'The store is being built',
  );
  return { ...answer, headers: { ...answer.headers, [HEADER.refused]: why } };
}

function typeOf(body: string): Readonly<Record<string, string>> {
  return body === '' ? {} : { 'content-type': 'application/json; charset=utf-8' };
}

/** `<source>@<lsn>`; anything else is as if it were absent. */
function minPosition(value: string | string[] | undefined): { source: string; lsn: Lsn } | undefined {
  const parts =
    typeof value === 'string' ? /^([^@]+)@([0-9A-Fa-f]{1,8}\/[0-9A-Fa-f]{1,8})$/.exec(value) : null;
  return parts ? { source: parts[1]!, lsn: parseLsn(parts[2]!) } : undefined;
}

function single(headers: IncomingHttpHeaders): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]),
  );
}
