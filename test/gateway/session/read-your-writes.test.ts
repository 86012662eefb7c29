// A session never reads less than it wrote, through a real gateway and a real service: from the monolith while the store is
// behind, from the service once it is not; and nobody else waits for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitUntil } from '../../../src/runtime/wait.ts';
import { rawClient } from '../http/raw-socket.ts';
import { Browser, type Page } from './browser.ts';
import { startPostsSystem } from './posts-system.ts';

const shown = ({ side, status, body }: Page): string =>
  `${side} ${status} ${JSON.parse(body).title ?? ''}`.trim();

/** What the behind service is waited for: not at all. */
const NO_WAIT = { freshnessWaitMs: 0 };

test('after its write a session reads from the monolith until the store has reached the write, then from the service', async () => {
  await using system = await startPostsSystem(NO_WAIT);
  const [ann, bob] = [new Browser(system.url), new Browser(system.url)];
  assert.equal(shown(await ann.get('/posts/1')), 'service 404');
  assert.equal(shown(await ann.post('/posts/1', 'first')), 'monolith 200 first');
  assert.equal(shown(await ann.get('/posts/1')), 'monolith 200 first');
  assert.equal(shown(await bob.get('/posts/1')), 'service 404', 'who wrote nothing reads what the store has');
  await ann.post('/posts/1', 'second');
  await system.capture(1);
  assert.equal(shown(await ann.get('/posts/1')), 'monolith 200 second', 'the store has the first write only');
  assert.equal(shown(await bob.get('/posts/1')), 'service 200 first');
  await system.capture();
  assert.equal(shown(await ann.get('/posts/1')), 'service 200 second');
  const [{ fallbackBehind, fallbackFailed, readsByService }] = system.gateway.gateway.status().domains as [
    never,
  ];
  assert.deepEqual(
    { fallbackBehind, fallbackFailed, readsByService },
    { fallbackBehind: 2, fallbackFailed: 0, readsByService: 4 },
  );
});

test('a read that has to wait for its write is answered when the store has it, and other sessions are not held up by it', async () => {
  await using system = await startPostsSystem({ freshnessWaitMs: 10_000 });
  const [ann, bob] = [new Browser(system.url), new Browser(system.url)];
  await ann.post('/posts/1', 'mine');
  let isAnswered = false;
  const waiting = ann.get('/posts/1').finally(() => {
    isAnswered = true;
  });
  const { gateway } = system.gateway;
  assert.ok(await waitUntil(() => gateway.status().inFlight === 1, { timeoutMs: 5_000, everyMs: 1 }));
  for (let round = 0; round < 20; round += 1) assert.equal(shown(await bob.get('/posts/1')), 'service 404');
  assert.equal(isAnswered, false);
  await system.capture();
  assert.equal(shown(await waiting), 'service 200 mine');
});

test('the token alone carries the write: as a header, without cookies, through another gateway', async () => {
  await using system = await startPostsSystem(NO_WAIT);
  const other = new Browser((await system.secondGateway()).url);
  const { headers } = await new Browser(system.url).post('/posts/1', 'mine');
  const token = { 'banyan-token': headers.get('banyan-token')! };
  assert.equal(shown(await other.get('/posts/1', token)), 'monolith 200 mine');
  assert.equal(shown(await other.get('/posts/1')), 'service 404');
  await system.capture();
  assert.equal(shown(await other.get('/posts/1', token)), 'service 200 mine');
});

test('answers of two writes that arrive in the wrong order do not lose the later write', async () => {
  await using system = await startPostsSystem(NO_WAIT);
  const ann = new Browser(system.url);
  await ann.post('/posts/1', 'first');
  const older = ann.cookies.get('banyan-token')!;
  await ann.post('/posts/2', 'second');
  ann.cookies.set('banyan-token', older);
  await system.capture(1);
  assert.equal(shown(await ann.get('/posts/2')), 'monolith 200 second');
  ann.cookies.delete('banyan-token');
  assert.equal(shown(await ann.get('/posts/2')), 'monolith 200 second', 'also without its cookie');
  await system.capture();
  assert.equal(shown(await ann.get('/posts/2')), 'service 200 second');
});

test('a write that failed, or whose answer never came, may have been carried out: it is waited for as well', async () => {
  await using system = await startPostsSystem(NO_WAIT);
  const [failed, broken] = [new Browser(system.url), new Browser(system.url)];
  system.beforeAnswer = (_request, response) => void response.writeHead(500).end('failed after its commit');
  assert.equal((await failed.post('/posts/1', 'committed')).status, 500);
  system.beforeAnswer = (_request, response) => void response.destroy();
  assert.equal((await broken.post('/posts/2', 'committed')).status, 502);
  system.beforeAnswer = () => undefined;
  for (const browser of [failed, broken]) assert.ok(browser.cookies.has('banyan-token'));
  assert.equal(shown(await failed.get('/posts/1')), 'monolith 200 committed');
  assert.equal(shown(await broken.get('/posts/2')), 'monolith 200 committed');
  await system.capture();
  assert.equal(shown(await failed.get('/posts/1')), 'service 200 committed');
  assert.equal(shown(await broken.get('/posts/2')), 'service 200 committed');
});

test('a client that goes away in the middle of its write finds it when it comes back', async () => {
  await using system = await startPostsSystem(NO_WAIT);
  const { promise: hasCommitted, resolve: committed } = Promise.withResolvers<void>();
  system.beforeAnswer = (request) => {
    if (request.method !== 'POST') return undefined;
    committed();
    return new Promise(() => undefined);
  };
  const ann = new Browser(system.url);
  await ann.get('/posts/1');
  const leaving = rawClient(system.url);
  const cookie = `banyan-session=${ann.cookies.get('banyan-session')}`;
  leaving.send(`POST /posts/1 HTTP/1.1\r\nHost: a\r\nCookie: ${cookie}\r\nContent-Length: 4\r\n\r\nmine`);
  await hasCommitted;
  const asked = system.source.asked;
  leaving.socket.destroy();
  assert.ok(await waitUntil(() => system.source.asked > asked, { timeoutMs: 5_000, everyMs: 1 }));
  assert.equal(shown(await ann.get('/posts/1')), 'monolith 200 mine');
});

test('a write anywhere in the monolith counts, a read does not', async () => {
  await using system = await startPostsSystem(NO_WAIT);
  const ann = new Browser(system.url);
  const page = await ann.get('/about');
  assert.deepEqual(page.headers.getSetCookie(), [], 'a page that no domain claims can be cached by anyone');
  await ann.get('/posts/1');
  assert.deepEqual([...ann.cookies.keys()], ['banyan-session']);
  assert.equal((await ann.post('/settings', 'dark')).side, 'monolith');
  assert.deepEqual([...ann.cookies.keys()], ['banyan-session', 'banyan-token']);
  assert.equal(shown(await ann.get('/posts/1')), 'monolith 404');
  await system.capture();
  assert.equal(shown(await ann.get('/posts/1')), 'service 404');
});

test('a token that the gateways did not sign sends nobody to the monolith', async () => {
  await using system = await startPostsSystem(NO_WAIT);
  const { headers } = await new Browser(system.url).post('/posts/1', 'mine');
  const token = headers.get('banyan-token')!;
  const eve = new Browser(system.url);
  for (const forged of [
    token.replace(/.\./, '~.'),
    token.slice(0, -4),
    'v1.YXBwOng6MDp-.AAAAAAAAAAAAAAAAAAAAAA',
    'x',
  ]) {
    assert.equal(shown(await eve.get('/posts/1', { 'banyan-token': forged })), 'service 404', forged);
    eve.cookies.set('banyan-token', forged);
    assert.equal(shown(await eve.get('/posts/1')), 'service 404', forged);
  }
});

test('while the source does not say its position a writer’s reads stay with the monolith, and come back by themselves', async () => {
  await using system = await startPostsSystem(NO_WAIT);
  const [ann, bob] = [new Browser(system.url), new Browser(system.url)];
  system.source.isDown = true;
  assert.equal(
    shown(await ann.post('/posts/1', 'mine')),
    'monolith 200 mine',
    'the write is answered all the same',
  );
  await system.capture();
  assert.equal(
    shown(await ann.get('/posts/1')),
    'monolith 200 mine',
    'the store has it, but nobody can know',
  );
  assert.equal(shown(await bob.get('/posts/1')), 'service 200 mine');
  system.source.isDown = false;
  const isBack = async (): Promise<boolean> => (await ann.get('/posts/1')).side === 'service';
  assert.ok(await waitUntil(isBack, { timeoutMs: 5_000, everyMs: 1 }));
});

test('after a fail-over of the source, positions of before are not compared with those of after', async () => {
  await using system = await startPostsSystem(NO_WAIT);
  const ann = new Browser(system.url);
  await ann.post('/posts/1', 'mine');
  await system.capture();
  assert.equal((await ann.get('/posts/1')).side, 'service');
  system.source.isDown = true;
  await new Browser(system.url).post('/posts/2', 'lost its connection');
  Object.assign(system.source, { isDown: false, timeline: 'history-2' });
  await new Browser(system.url).post('/posts/2', 'the first of the new history');
  assert.equal((await ann.get('/posts/1')).side, 'monolith');
  await system.capture();
  const isBack = async (): Promise<boolean> => (await ann.get('/posts/1')).side === 'service';
  assert.ok(await waitUntil(isBack, { timeoutMs: 5_000, everyMs: 1 }));
});
