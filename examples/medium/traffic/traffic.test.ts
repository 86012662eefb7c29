// The load keeps its bounds and its word: no violation against the honest monolith, every lie of a lying one counted.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startTestMonolith } from '../monolith/test-monolith.ts';
import { startTraffic, type Traffic } from './traffic.ts';
import type { TrafficStats } from './traffic-record.ts';

const LOAD = { readers: 2, writers: 3, clappers: 3, seed: 5, requestsPerSecond: 2_000, members: 100 };

/** Polls the live figures; the load itself is what is waited for. */
async function until(traffic: Traffic, isReached: (stats: TrafficStats) => boolean): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (!isReached(traffic.stats())) {
    assert.ok(performance.now() < deadlineMs, JSON.stringify(traffic.stats()));
    await wait(5);
  }
}

async function serve(listener: RequestListener) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

suite('traffic', () => {
  test('against the monolith nothing fails and every session sees its own writes', async () => {
    await using medium = await startTestMonolith('traffic', 0.05);
    const traffic = startTraffic({ ...LOAD, baseUrl: medium.url });
    await until(traffic, (live) => live.readYourWritesChecked > 150 && live.monotonicReadsChecked > 20);
    const stats = await traffic.stop();
    const { requestsFailed, readYourWritesViolated, monotonicReadsViolated } = stats;
    assert.deepEqual(
      { requestsFailed, readYourWritesViolated, monotonicReadsViolated },
      { requestsFailed: 0, readYourWritesViolated: 0, monotonicReadsViolated: 0 },
      JSON.stringify(stats, null, 2),
    );
    assert.ok(stats.commandsAcknowledged > 100);
    assert.deepEqual(stats.bySide, { monolith: 0, service: 0 });
    assert.deepEqual(traffic.stats(), stats, 'nothing is sent after stop');
  });

  test('a server that forgets what it was told is caught in each lie', async () => {
    await using liar = await serve((request, response) => {
      request.resume();
      response.setHeader('banyan-side', request.url === '/api/me' ? 'monolith' : 'service');
      response.setHeader('content-type', 'application/json');
      const { status, body } = forgetfulAnswer(request);
      response.writeHead(status).end(JSON.stringify(body));
    });
    const traffic = startTraffic({ ...LOAD, baseUrl: liar.url });
    await until(traffic, (live) => live.violationSamples.length === 20 && live.bySide.monolith > 0);
    const stats = await traffic.stop();
    assert.equal(stats.requestsFailed, 0);
    assert.equal(stats.monotonicReadsViolated, stats.monotonicReadsChecked);
    assert.ok(stats.monotonicReadsViolated > 0 && stats.readYourWritesViolated > 20);
    assert.ok(stats.bySide.service > 0);
    const claps = stats.violationSamples.find(({ request }) => request === 'GET /api/posts/1/claps');
    assert.match(claps?.expected ?? '', /^readerClaps of at least 50/);
    assert.equal(claps?.found, '200 {"postId":"1","totalClaps":3,"readerClaps":3}');
    assert.equal(claps?.side, 'service');
  });

  test('failures are counted with their cause and prove nothing about reads', async () => {
    await using broken = await serve((request, response) => {
      if (request.url === '/api/login') request.socket.destroy();
      else response.writeHead(503).end('down');
    });
    const traffic = startTraffic({ ...LOAD, baseUrl: broken.url });
    await until(traffic, (live) => live.requestsFailed >= 40);
    const stats = await traffic.stop();
    assert.equal(stats.requestsFailed, stats.requestsTotal);
    assert.equal(stats.readYourWritesChecked, 0);
    assert.equal(stats.failureSamples.length, 20);
    const causes = new Set(stats.failureSamples.map(({ found }) => found));
    assert.ok(causes.has('503 down'));
    assert.ok([...causes].some((cause) => cause !== '503 down'));
  });

  test('a session sends back the cookies it was given', async () => {
    const cookies: (string | undefined)[] = [];
    await using shop = await serve((request, response) => {
      cookies.push(request.headers.cookie);
      const given = ['side=abc; Path=/; HttpOnly', cookies.length === 1 ? 'old=1' : 'old=; Max-Age=0'];
      response.setHeader('set-cookie', given);
      response.end('{"token":"a.b.c","posts":[]}');
    });
    const traffic = startTraffic({ ...LOAD, readers: 0, writers: 0, clappers: 1, baseUrl: shop.url });
    await until(traffic, (live) => live.requestsTotal >= 4);
    await traffic.stop();
    assert.deepEqual(cookies.slice(0, 3), [undefined, 'side=abc; old=1', 'side=abc']);
  });

  test('the pace bounds the rate, the sessions bound what is in flight, and the signal ends it', async () => {
    let inFlight = 0;
    let most = 0;
    await using slow = await serve((_, response) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      setTimeout(() => {
        inFlight -= 1;
        response.end('{}');
      }, 5);
    });
    const aborting = new AbortController();
    const startedMs = performance.now();
    const traffic = startTraffic({
      ...LOAD,
      requestsPerSecond: 100,
      baseUrl: slow.url,
      signal: aborting.signal,
    });
    await until(traffic, (live) => live.requestsTotal >= 20);
    const elapsedMs = performance.now() - startedMs;
    aborting.abort();
    const { requestsTotal, requestsFailed } = await traffic.stop();
    assert.ok(elapsedMs >= 185, `20 requests at 100 per second took ${elapsedMs} ms`);
    assert.ok(most <= 8);
    assert.equal(requestsFailed, 0);
    assert.ok(requestsTotal <= 20 + 8);
  });
});

/** Acknowledges every command, and answers every query as if none had happened. */
function forgetfulAnswer(request: IncomingMessage): { status: number; body: unknown } {
  const { method = '', url = '' } = request;
  if (method === 'POST' && url === '/api/login') return { status: 200, body: { token: 'a.b.c' } };
  if (method === 'POST' && url === '/api/posts') return { status: 201, body: { id: '2', slug: 'two' } };
  if (method === 'POST' && url.endsWith('/claps')) return { status: 200, body: { memberClaps: 50 } };
  if (method === 'DELETE') return { status: 204, body: undefined };
  if (method !== 'GET') return { status: 200, body: {} };
  if (url.startsWith('/api/feed')) return { status: 200, body: { posts: [{ id: '1', slug: 'one' }] } };
  if (url.endsWith('/claps')) return { status: 200, body: { postId: '1', totalClaps: 3, readerClaps: 3 } };
  if (url.startsWith('/api/members/')) {
    return { status: 200, body: { name: 'Old', stories: [] } };
  }
  return { status: 200, body: { title: 'Old', name: 'Old', status: 'draft', posts: [] } };
}
