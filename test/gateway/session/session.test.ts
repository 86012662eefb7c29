// Who is asking: what keeps a session on its side and joins its writes, and that nothing a client sends can break it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cookieLine, identifySession, type Session } from '../../../src/gateway/session/session.ts';

const NOTHING = { authorization: undefined, cookie: undefined, token: undefined };
const ID = 'abcdefghijklmnopqrstu1';

const withCookie = (cookie: string): Session => identifySession({ ...NOTHING, cookie });
const withCredentials = (authorization: string): Session => identifySession({ ...NOTHING, authorization });

function bearer(claims: unknown, signature = 'c2lnbmVk'): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `Bearer ${part({ alg: 'HS256' })}.${part(claims)}.${signature}`;
}

test('a client that shows nothing gets a cookie of its own, and is the same session with it', () => {
  const first = identifySession(NOTHING);
  assert.match(first.newCookie!, /^[\w-]{22}$/);
  assert.notEqual(identifySession(NOTHING).key, first.key);
  const again = withCookie(`theme=dark; banyan-session=${first.newCookie}`);
  assert.equal(again.key, first.key);
  assert.equal(again.newCookie, undefined);
});

test('the subject of a bearer token is the session, also when the token is renewed', () => {
  const session = withCredentials(bearer({ sub: 'ann', exp: 1 }));
  assert.equal(session.key, 'subject:ann');
  assert.equal(session.newCookie, undefined);
  assert.equal(withCredentials(bearer({ sub: 'ann', exp: 2 }, 'b3RoZXI')).key, session.key);
  assert.equal(withCredentials(bearer({ sub: 42 })).key, 'subject:42');
  assert.notEqual(withCredentials(bearer({ sub: 'bob' })).key, session.key);
});

test('credentials without a subject are the session themselves', () => {
  for (const credentials of [
    'Basic YW5uOnNlY3JldA==',
    'Bearer opaque',
    'Bearer a.b',
    'Bearer a.!!!.c',
    `Bearer a.${Buffer.from('{ no JSON').toString('base64url')}.c`,
    bearer('no object'),
    bearer(null),
    bearer({ sub: { nested: true } }),
    bearer({ name: 'ann' }),
  ])
    assert.equal(withCredentials(credentials).key, `credentials:${credentials}`);
  assert.equal(withCredentials('').newCookie?.length, 22);
});

test('a login joins the cookie’s session with the subject’s, so that both remember its writes', () => {
  const session = identifySession({
    ...NOTHING,
    authorization: bearer({ sub: 'ann' }),
    cookie: `banyan-session=${ID}`,
  });
  assert.equal(session.key, 'subject:ann');
  assert.deepEqual(session.keys, ['subject:ann', `cookie:${ID}`]);
});

test('a subject cannot take the place of a cookie’s session', () => {
  assert.notEqual(
    withCredentials(bearer({ sub: `cookie:${ID}` })).key,
    withCookie(`banyan-session=${ID}`).key,
  );
});

test('a session cookie that the gateway did not make is replaced, and of several the first counts', () => {
  for (const value of ['', 'short', `${ID}x`, `${ID.slice(1)}!`, `"${ID}"`])
    assert.ok(withCookie(`banyan-session=${value}`).newCookie, value);
  assert.equal(withCookie(`banyan-session=${ID}; banyan-session=${'x'.repeat(22)}`).key, `cookie:${ID}`);
  assert.ok(withCookie(`not-banyan-session=${ID}`).newCookie);
});

test('tokens come from the header and from cookies, at most four of these', () => {
  const cookie = ['a', 'b', 'c', 'd', 'e'].map((token) => `banyan-token=${token}`).join('; ');
  assert.deepEqual(identifySession({ ...NOTHING, cookie, token: 'h' }).tokens, ['h', 'a', 'b', 'c', 'd']);
  assert.deepEqual(identifySession({ ...NOTHING, token: 'h' }).tokens, ['h']);
});

test('whatever a client sends, it is a session with a key', () => {
  const text = fc.string();
  const cookie = fc.array(
    fc
      .tuple(fc.constantFrom('banyan-session', 'banyan-token', 'banyan-', 'x', ''), text)
      .map(([name, value]) => `${name}=${value}`),
  );
  fc.assert(
    fc.property(
      fc.option(
        fc.oneof(
          text,
          text.map((rest) => `Bearer ${rest}`),
          fc.jsonValue().map((claims) => bearer(claims)),
        ),
        { nil: undefined },
      ),
      fc.option(
        cookie.map((pairs) => pairs.join(';')),
        { nil: undefined },
      ),
      (authorization, cookies) => {
        const session = identifySession({ authorization, cookie: cookies, token: undefined });
        assert.ok(session.key.length > 0);
        assert.equal(session.keys[0], session.key);
        assert.ok(session.tokens.length <= 4);
      },
    ),
    { numRuns: 500 },
  );
});

test('a cookie is out of reach of scripts and of other sites, and only for HTTPS when the client came that way', () => {
  assert.equal(
    cookieLine('banyan-session', ID, false, 60),
    `banyan-session=${ID}; Path=/; Max-Age=60; HttpOnly; SameSite=Lax`,
  );
  assert.match(cookieLine('banyan-session', ID, true, 60), /; HttpOnly; SameSite=Lax; Secure$/);
});
