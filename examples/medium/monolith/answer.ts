// From a request to a reply: path, token, route or file. Never throws; what failed becomes an error reply.
import type { IncomingMessage } from 'node:http';
import type { JWK } from 'jose';
import { ApiError, badRequest, notFound, translateDatabaseError, unauthorized } from './api-error.ts';
import { readJsonObject } from './request-body.ts';
import type { Outgoing } from './response.ts';
import { matchRoute, type Reply, type Route } from './router.ts';
import { findStaticFile, type StaticFile } from './static-file.ts';
import { verifyToken } from './token.ts';

export interface Site {
  readonly routes: readonly Route[];
  readonly files: ReadonlyMap<string, StaticFile>;
  readonly publicKey: JWK;
}

export async function answer(site: Site, request: IncomingMessage): Promise<Outgoing> {
  try {
    const { segments, query } = parseTarget(request.url ?? '');
    const isApi = segments[0] === 'api' || segments[0] === 'healthz';
    return isApi
      ? { kind: 'json', reply: await callRoute(site, request, segments, query) }
      : { kind: 'file', file: pickFile(site, request, segments) };
  } catch (error) {
    return { kind: 'json', reply: errorReply(translateDatabaseError(error)) };
  }
}

function parseTarget(target: string): { segments: readonly string[]; query: URLSearchParams } {
  const [path = '', ...rest] = target.split('?');
  if (!path.startsWith('/')) throw badRequest('bad_path', 'The request must name a path.');
  try {
    const segments = path.slice(1).split('/').map(decodeURIComponent);
    if (segments.some((segment) => segment.includes('\0'))) throw new URIError('NUL');
    return { segments, query: new URLSearchParams(rest.join('?')) };
  } catch {
    throw badRequest('bad_path', 'The path is not properly encoded.');
  }
}

async function callRoute(
  site: Site,
  request: IncomingMessage,
  segments: readonly string[],
  query: URLSearchParams,
): Promise<Reply> {
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? '');
  const match = matchRoute(site.routes, method, segments);
  if (match.kind === 'none') throw notFound('route');
  if (match.kind === 'method') return methodNotAllowed(match.allowed);
  const verification = await verifyToken(request.headers.authorization, site.publicKey);
  if (verification.kind === 'invalid') throw unauthorized('bad_token', verification.reason);
  return await match.route.handle({
    params: match.params,
    query,
    reader: verification.kind === 'member' ? verification.reader : null,
    body: () => readJsonObject(request),
  });
}

function pickFile(site: Site, request: IncomingMessage, segments: readonly string[]): StaticFile {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    throw new ApiError(405, 'method_not_allowed', 'Pages can only be read.');
  }
  const file = findStaticFile(site.files, `/${segments.join('/')}`);
  if (!file) throw notFound('page');
  return file;
}

function methodNotAllowed(allowed: readonly string[]): Reply {
  const { status, body } = errorReply(
    new ApiError(405, 'method_not_allowed', `This route takes ${allowed.join(', ')}.`),
  );
  return { status, body, headers: { allow: allowed.join(', ') } };
}

function errorReply(error: unknown): Reply {
  if (error instanceof ApiError) {
    return { status: error.status, body: { error: { code: error.code, message: error.message } } };
  }
  console.error(error);
  return { status: 500, body: { error: { code: 'internal', message: 'Something broke on our side.' } } };
}
