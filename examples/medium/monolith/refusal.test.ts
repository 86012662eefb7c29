// What clients do wrong, and who they are: each mistake has its status and code, none is a 500.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, suite, test } from 'node:test';
import { startTestMonolith, type TestMonolith } from './test-monolith.ts';
import { verifyToken } from './token.ts';

suite('refusals', () => {
  let medium: TestMonolith;
  let ada: string;
  let postId: string;
  before(async () => {
    medium = await startTestMonolith('refusal');
    ada = await medium.signUp('ada');
    postId = (await medium.publish(ada, 'A story')).id;
  });
  after(() => medium[Symbol.asyncDispose]());

  test('paths and queries', async () => {
    const expected = {
      '/api/nothing': '404 not_found',
      '/api/posts/': '404 not_found',
      '/api/posts/%00': '400 bad_path',
      '/api/posts/%E0%A4%A': '400 bad_path',
      '/api/posts/no-such-slug': '404 not_found',
      '/api/posts/abc/claps': '404 not_found',
      '/api/posts/0/claps': '404 not_found',
      '/api/posts/9223372036854775808/claps': '404 not_found',
      '/api/posts/9223372036854775807/clappers': '404 not_found',
      '/api/members/nobody': '404 not_found',
      '/api/publications/nothing': '404 not_found',
      '/api/feed?limit=0': '400 bad_limit',
      '/api/feed?limit=101': '400 bad_limit',
      '/api/feed?limit=1e1': '400 bad_limit',
      '/api/feed?cursor=': '400 bad_cursor',
      '/api/feed?cursor=!!!': '400 bad_cursor',
      [`/api/feed?cursor=${base64url('999999999999999.1')}`]: '400 bad_cursor',
      [`/api/posts/${postId}/clappers?cursor=${base64url('51.1')}`]: '400 bad_cursor',
      '/api/me': '401 token_required',
      '/api/me/drafts': '401 token_required',
    };
    const found: Record<string, string> = {};
    for (const path of Object.keys(expected)) found[path] = await medium.refusal('GET', path);
    assert.deepEqual(found, expected);
  });

  test('bodies', async () => {
    const post = (body: unknown) => medium.refusal('POST', '/api/posts', { token: ada, body });
    assert.equal(await post('{'), '400 bad_json');
    assert.equal(await post('[]'), '400 bad_json');
    assert.equal(await post({}), '400 bad_field');
    assert.equal(await post({ title: 7 }), '400 bad_field');
    assert.equal(await post({ title: '  ' }), '400 bad_field');
    assert.equal(await post({ title: 'a\0b' }), '400 bad_field');
    assert.equal(await post({ title: 'x'.repeat(201) }), '400 bad_field');
    assert.equal(await post({ title: 'x', thumbnail: 'javascript:alert(1)' }), '400 bad_field');
    assert.equal(await post({ title: 'x', publicationId: '1; drop table posts' }), '400 bad_field');
    assert.equal(await post({ title: 'x', publicationId: '77' }), '400 publication_unknown');
    assert.equal(await post({ title: 'x', body: 'y'.repeat(600 * 1024) }), '413 body_too_large');
    assert.equal(await medium.refusal('POST', '/api/posts', { token: ada }), '415 not_json');
    for (const count of [0, 51, 1.5, -1, '3', null]) {
      const path = `/api/posts/${postId}/claps`;
      assert.equal(await medium.refusal('POST', path, { token: ada, body: { count } }), '400 bad_field');
    }
  });

  test('methods', async () => {
    const { status, headers } = await medium.call('PUT', '/api/feed', { body: {} });
    assert.deepEqual([status, headers.get('allow')], [405, 'GET']);
    const head = await fetch(`${medium.url}/api/feed`, { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
  });

  test('sign-up and log-in', async () => {
    const member = { handle: 'Eve', email: 'Eve@Example.org', name: 'Eve', password: 'apples' };
    const sign = (change: object) =>
      medium.refusal('POST', '/api/signup', { body: { ...member, ...change } });
    assert.equal(await sign({ handle: 'a b' }), '400 bad_field');
    assert.equal(await sign({ email: 'nowhere' }), '400 bad_field');
    assert.equal(await sign({ password: 'short' }), '400 bad_field');
    const { status, json } = await medium.call<{ member: object }>('POST', '/api/signup', { body: member });
    assert.equal(status, 201);
    assert.partialDeepStrictEqual(json.member, { handle: 'eve', name: 'Eve', avatar: 'gradient:eve' });
    assert.equal(await sign({ email: 'other@example.org' }), '409 handle_taken');
    assert.equal(await sign({ handle: 'eve2' }), '409 email_taken');
    const logIn = (login: string, password: string) =>
      medium.call<{ token: string }>('POST', '/api/login', { body: { login, password } });
    assert.equal((await logIn('eve@example.org', 'apples')).status, 200);
    assert.equal((await logIn('EVE', 'apples')).status, 200);
    assert.equal((await logIn('eve', 'pears!')).status, 401);
    assert.equal((await logIn('nobody', 'apples')).status, 401);
  });

  test('tokens are checked against the published key', async () => {
    const forged = `${ada.slice(0, -4)}AAAA`;
    assert.equal(await medium.refusal('GET', '/api/me', { token: forged }), '401 bad_token');
    assert.equal(await medium.refusal('GET', '/api/feed', { token: 'x y' }), '401 bad_token');
    const { json } = await medium.call<{ keys: [{ kty: string; d?: string }] }>(
      'GET',
      '/api/.well-known/jwks.json',
    );
    const [key] = json.keys;
    assert.equal(key.d, undefined);
    assert.deepEqual(await verifyToken(`Bearer ${ada}`, key), {
      kind: 'member',
      reader: { id: '1', handle: 'ada' },
    });
    assert.deepEqual(await verifyToken(undefined, key), { kind: 'anonymous' });
    assert.equal((await verifyToken(`Basic ${ada}`, key)).kind, 'invalid');
  });

  test('pages fall back to the index, and no path leaves the folder', async () => {
    const page = await fetch(`${medium.url}/p/some-story`);
    assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
    const etag = page.headers.get('etag')!;
    const known = await fetch(`${medium.url}/@ada`, { headers: { 'if-none-match': etag } });
    assert.equal(known.status, 304);
    for (const path of [
      '/../monolith/schema.sql',
      '/%2e%2e/monolith/schema.sql',
      '/..%2fmonolith%2fmain.ts',
      '/..%5cmonolith',
      '//../../package.json',
      '/missing.js',
    ]) {
      assert.match(await rawGet(medium.url, path), /^HTTP\/1\.1 404 /, path);
    }
  });
});

/** `fetch` tidies paths up before it sends them; a socket does not. */
async function rawGet(url: string, path: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\nconnection: close\r\n\r\n`);
  return await text(socket);
}

function base64url(plain: string): string {
  return Buffer.from(plain).toString('base64url');
}
