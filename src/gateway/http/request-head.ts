// A request's head as it goes on: checked again by rules without leniency, hop-by-hop headers dropped, `banyan-*` taken
// out, and the framing told by what was parsed, so that no upstream can see another request in it than the gateway did.
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { connectionNames, HOP_BY_HOP } from './hop-by-hop.ts';

export type BodyFraming =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' };

export interface RequestHead {
  readonly method: string;
  /** In origin form (or `*`), as it came. */
  readonly target: string;
  /** Name, value, name, value …: what goes on to any upstream, the framing left out. */
  readonly headers: readonly string[];
  readonly framing: BodyFraming;
  readonly hasBody: boolean;
  readonly requestId: string;
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
  /** The session's read-your-writes token, when it came as a header. */
  readonly token: string | undefined;
  readonly acceptsTrailers: boolean;
  readonly isSecure: boolean;
}

export interface HeadFault {
  readonly status: number;
  readonly why: string;
  readonly requestId: string;
}

export interface HeadOptions {
  /** This gateway's name in `Via`. */
  readonly via: string;
  readonly headers: number;
  readonly bodyBytes: number;
  /** Whose `X-Forwarded-*` are believed and added to; anyone else's are replaced. */
  readonly isTrusted: (address: string) => boolean;
}

const instance = randomBytes(4).toString('hex');
let requests = 0;

export function nextRequestId(): string {
  requests += 1;
  return `${instance}-${requests.toString(36)}`;
}

export function readRequestHead(request: IncomingMessage, options: HeadOptions): RequestHead | HeadFault {
  const raw = request.rawHeaders;
  const method = request.method ?? '';
  const peer = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const isTrusted = options.isTrusted(peer);
  const named = connectionNames(raw);
  const headers: string[] = [];
  let fault: readonly [number, string] | undefined;
  const refuse = (status: number, why: string): void => {
    fault ??= [status, why];
  };
  let host: string | undefined;
  let length: string | undefined;
  let coding: string | undefined;
  let requestId: string | undefined;
  let authorization: string | undefined;
  let cookie: string | undefined;
  let token: string | undefined;
  let via = '';
  let forwardedFor: string | undefined;
  let forwardedProto: string | undefined;
  let forwardedHost: string | undefined;
  let forwardedPort: string | undefined;
  let acceptsTrailers = false;

  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    const value = raw[at + 1]!;
    const key = name.toLowerCase();
    switch (key) {
      case 'host':
        if (host !== undefined) refuse(400, 'There is more than one Host.');
        host = value;
        // It stays where it stood; a connection option cannot take it away.
        headers.push(name, value);
        continue;
      case 'content-length':
        if (length !== undefined) refuse(400, 'There is more than one Content-Length.');
        length = value;
        continue;
      case 'transfer-encoding':
        if (coding !== undefined) refuse(400, 'There is more than one Transfer-Encoding.');
        coding = value;
        continue;
      case 'expect':
        continue;
      case 'te':
        acceptsTrailers = /(^|,)\s*trailers\s*(,|$)/i.test(value);
        continue;
      case 'banyan-token':
        token = value;
        continue;
      case 'authorization':
        authorization = value;
        break;
      case 'cookie':
        cookie = cookie === undefined ? value : `${cookie}; ${value}`;
        break;
      case 'x-request-id':
        if (requestId === undefined && /^[\w.:-]{1,128}$/.test(value)) requestId = value;
        continue;
      case 'via':
        via = via === '' ? value : `${via}, ${value}`;
        continue;
      case 'x-forwarded-for':
        forwardedFor = forwardedFor === undefined ? value : `${forwardedFor}, ${value}`;
        continue;
      case 'x-forwarded-proto':
        forwardedProto = value;
        continue;
      case 'x-forwarded-host':
        forwardedHost = value;
        continue;
      case 'x-forwarded-port':
        forwardedPort = value;
        continue;
      case 'forwarded':
        if (!isTrusted) continue;
    }
    // An underscore becomes a hyphen in CGI-like servers, and so another header.
    if (HOP_BY_HOP.has(key) || key.startsWith('banyan-') || key.includes('_') || named?.has(key)) continue;
    headers.push(name, value);
  }

  requestId ??= nextRequestId();
  const target = originTarget(request.url ?? '', host);
  const framing = readFraming(length, coding, request.httpVersion);
  if (raw.length / 2 > options.headers) refuse(431, 'There are too many headers.');
  if (request.httpVersion !== '1.1' && request.httpVersion !== '1.0') refuse(505, 'Speak HTTP/1.1.');
  if (method === 'TRACE' || method === 'CONNECT') refuse(405, `${method} is not answered here.`);
  if (host !== undefined && !/^[A-Za-z0-9._:[\]~!$&'()*+,;=%-]*$/.test(host))
    refuse(400, 'Host is malformed.');
  if (target === undefined) refuse(400, 'The request target is neither a path nor this host.');
  if (typeof framing === 'string') refuse(400, framing);
  else if (framing.kind === 'length' && framing.bytes > options.bodyBytes)
    refuse(413, 'The body is too large.');
  if (via.includes(options.via)) refuse(508, 'The request has been here before.');
  if (fault) return { status: fault[0], why: fault[1], requestId };

  if (host === undefined) headers.push('host', '');
  const believed = isTrusted ? { forwardedFor, forwardedProto, forwardedHost, forwardedPort } : {};
  const protocol = believed.forwardedProto ?? 'http';
  headers.push(
    'x-forwarded-for',
    believed.forwardedFor === undefined ? peer : `${believed.forwardedFor}, ${peer}`,
    'x-forwarded-proto',
    protocol,
    'x-forwarded-host',
    believed.forwardedHost ?? host ?? '',
    'x-forwarded-port',
    believed.forwardedPort ?? String(request.socket.localPort ?? ''),
    'x-request-id',
    requestId,
    'via',
    `${via === '' ? '' : `${via}, `}${request.httpVersion} ${options.via}`,
  );
  if (acceptsTrailers) headers.push('te', 'trailers', 'connection', 'te');
  const known = framing as BodyFraming;
  return {
    method,
    target: target!,
    headers,
    framing: known,
    hasBody: known.kind === 'chunked' || (known.kind === 'length' && known.bytes > 0),
    requestId,
    authorization,
    cookie,
    token,
    acceptsTrailers: acceptsTrailers && request.httpVersion === '1.1',
    isSecure: protocol === 'https',
  };
}

/** The bytes of a head. `without` names headers, in lower case, that this upstream is not to see. */
export function renderHead(
  head: Pick<RequestHead, 'method' | 'target' | 'headers' | 'framing'>,
  extra: readonly string[] = [],
  without?: ReadonlySet<string>,
): string {
  let text = `${head.method} ${head.target} HTTP/1.1\r\n`;
  const { headers, framing } = head;
  for (let at = 0; at < headers.length; at += 2) {
    if (without?.has(headers[at]!.toLowerCase())) continue;
    text += `${headers[at]}: ${headers[at + 1]}\r\n`;
  }
  for (let at = 0; at < extra.length; at += 2) text += `${extra[at]}: ${extra[at + 1]}\r\n`;
  if (framing.kind === 'length') text += `content-length: ${framing.bytes}\r\n`;
  else if (framing.kind === 'chunked') text += 'transfer-encoding: chunked\r\n';
  return `${text}\r\n`;
}

/** A sentence when the framing could be read in two ways. */
function readFraming(
  length: string | undefined,
  coding: string | undefined,
  version: string,
): BodyFraming | string {
  if (length !== undefined && coding !== undefined)
    return 'Content-Length and Transfer-Encoding contradict each other.';
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') return 'No Transfer-Encoding but `chunked` is understood.';
    return version === '1.1' ? { kind: 'chunked' } : 'HTTP/1.0 has no Transfer-Encoding.';
  }
  if (length === undefined) return { kind: 'none' };
  return /^\d{1,15}$/.test(length)
    ? { kind: 'length', bytes: Number(length) }
    : 'Content-Length is not a number.';
}

/** Origin form as it is; absolute form only when its host is the Host, and then its path. */
function originTarget(url: string, host: string | undefined): string | undefined {
  if (url.startsWith('/') || url === '*') return url;
  const [, authority, rest] = /^http:\/\/([^/?#]+)(.*)$/is.exec(url) ?? [];
  if (authority === undefined || authority.toLowerCase() !== host?.toLowerCase()) return undefined;
  return rest!.startsWith('/') ? rest : `/${rest}`;
}
