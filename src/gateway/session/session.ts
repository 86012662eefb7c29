// Who is asking, as far as placing and remembering need it. Nothing here is proof of identity: the subject of a bearer
// token is read without checking its signature, so it is good for keeping a session on one side and for nothing else.
import { randomBytes } from 'node:crypto';

export const SESSION_COOKIE = 'banyan-session';
export const TOKEN_COOKIE = 'banyan-token';

export interface Session {
  /** What keeps the session on its side. */
  readonly key: string;
  /** Under which its newest write is remembered: a login joins the cookie's session with the subject's. */
  readonly keys: readonly string[];
  /** The read-your-writes tokens that the client showed, unchecked. */
  readonly tokens: readonly string[];
  /** To be set on the answer, when the client is new. */
  readonly newCookie: string | undefined;
}

export interface SessionHeaders {
  readonly authorization: string | undefined;
  /** All cookie lines, joined by `; `. */
  readonly cookie: string | undefined;
  readonly token: string | undefined;
}

const KNOWN_LIMIT = 5_000;
const knownSubjects = new Map<string, string>();

export function identifySession(headers: SessionHeaders): Session {
  const { authorization, cookie, token } = headers;
  const cookies = cookie?.includes('banyan-') ? ownCookies(cookie) : undefined;
  const tokens = [...(token === undefined ? [] : [token]), ...(cookies?.tokens ?? [])];
  const keys: string[] = [];
  if (authorization !== undefined && authorization !== '') keys.push(subjectKey(authorization));
  if (cookies?.session !== undefined) keys.push(`cookie:${cookies.session}`);
  if (keys.length > 0) return { key: keys[0]!, keys, tokens, newCookie: undefined };
  const fresh = randomBytes(16).toString('base64url');
  return { key: `cookie:${fresh}`, keys: [`cookie:${fresh}`], tokens, newCookie: fresh };
}

export function cookieLine(name: string, value: string, isSecure: boolean, maxAgeSeconds: number): string {
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${isSecure ? '; Secure' : ''}`;
}

function ownCookies(text: string): {
  readonly session: string | undefined;
  readonly tokens: readonly string[];
} {
  let session: string | undefined;
  const tokens: string[] = [];
  for (const pair of text.split(';')) {
    const [name, value] = split(pair.trim());
    if (name === SESSION_COOKIE && /^[\w-]{22}$/.test(value)) session ??= value;
    else if (name === TOKEN_COOKIE && tokens.length < 4) tokens.push(value);
  }
  return { session, tokens };
}

function split(pair: string): readonly [string, string] {
  const equals = pair.indexOf('=');
  return equals < 0 ? ['', ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** The subject of a JSON web token; of any other credentials, the credentials themselves. */
function subjectKey(authorization: string): string {
  const known = knownSubjects.get(authorization);
  if (known !== undefined) return known;
  const key = readSubject(authorization) ?? `credentials:${authorization}`;
  if (knownSubjects.size >= KNOWN_LIMIT) knownSubjects.clear();
  knownSubjects.set(authorization, key);
  return key;
}

function readSubject(authorization: string): string | undefined {
  const payload = /^Bearer +[\w-]+\.([\w-]+)\.[\w-]*$/i.exec(authorization)?.[1];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const subject = typeof claims === 'object' && claims !== null && 'sub' in claims ? claims.sub : undefined;
    return typeof subject === 'string' || typeof subject === 'number' ? `subject:${subject}` : undefined;
  } catch {
    return undefined;
  }
}
