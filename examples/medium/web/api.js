// Talks to the API by relative addresses, as whoever is logged in here, and tells which side answered.

const SESSION_KEY = 'understory-session';

export class ApiFailure extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** `{ token, member }`, or null for a visitor. */
export function currentSession() {
  try {
    return JSON.parse(localStorage.getItem(SESSION_KEY) ?? 'null');
  } catch {
    return null;
  }
}

export function keepSession(session) {
  if (session) localStorage.setItem(SESSION_KEY, JSON.stringify(session));
  else localStorage.removeItem(SESSION_KEY);
  dispatchEvent(new Event('session-changed'));
}

export const get = (path) => call('GET', path);
export const post = (path, body, options) => call('POST', path, body, options);
export const put = (path, body) => call('PUT', path, body);
export const remove = (path) => call('DELETE', path);

async function call(method, path, body, { keepalive = false } = {}) {
  const token = currentSession()?.token;
  const response = await fetch(path, {
    method,
    keepalive,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(body && { 'content-type': 'application/json' }),
    },
    ...(body && { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new ApiFailure(0, 'offline', 'Understory cannot be reached. Is the network there?');
  });
  const side = response.headers.get('banyan-side');
  if (side) dispatchEvent(new CustomEvent('side-answered', { detail: side }));
  const json = await response.json().catch(() => null);
  if (response.ok) return json;
  const { code = 'unknown', message = `The answer was ${response.status}.` } = json?.error ?? {};
  if (code === 'bad_token' || code === 'member_unknown') {
    // The session has ended; a query is still good for a visitor.
    keepSession(null);
    if (method === 'GET') return call(method, path);
  }
  throw new ApiFailure(response.status, code, message);
}
