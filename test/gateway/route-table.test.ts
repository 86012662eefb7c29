// Which requests a domain claims, and where the fold of its moves leaves it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildRouteTable, foldRoute, withRoute } from '../../src/gateway/route-table.ts';
import { BanyanError } from '../../src/kernel/error.ts';
import type { RecordedEvent } from '../../src/kernel/event.ts';
import { type DomainRoute, INITIAL_ROUTE } from '../../src/kernel/stage.ts';
import { testDomain } from './test-gateway.ts';

const posts = testDomain('posts', {
  queries: ['GET /posts', 'GET /posts/:id', 'GET /posts/:id/claps', 'HEAD /feed', 'GET /feed', 'GET /img/*'],
  commands: ['POST /posts', 'PUT /posts/:id'],
  ignore: ['$.servedAt'],
});

test('a request is claimed by method and pattern, and what no pattern fits by nobody', () => {
  const table = buildRouteTable([posts, testDomain('users')]);
  const claims: Readonly<Record<string, string | undefined>> = {
    'GET /posts': 'GET /posts',
    'GET /posts/7': 'GET /posts/:id',
    'GET /posts/a%20b': 'GET /posts/:id',
    'GET /posts/7/claps': 'GET /posts/:id/claps',
    'GET /img/2026/a.png': 'GET /img/*',
    'GET /users/1': 'GET /users/:id',
    'POST /posts': 'POST /posts',
    'PUT /posts/7': 'PUT /posts/:id',
    'DELETE /posts/7': undefined,
    'OPTIONS /posts': undefined,
    'QUERY /posts': undefined,
    'GET /': undefined,
    'GET /post': undefined,
    'GET /posts/': undefined,
    'GET /posts/7/': undefined,
    'GET /posts//claps': undefined,
    'GET /img/': 'GET /img/*',
    'GET /posts/7/claps/1': undefined,
    'GET /Posts/7': undefined,
    'GET //posts/7': undefined,
    'GET /posts/%zz': undefined,
    'GET *': undefined,
  };
  for (const [request, pattern] of Object.entries(claims)) {
    const [method, path] = request.split(' ') as [string, string];
    assert.equal(table.claim(method, path)?.pattern, pattern, request);
  }
});

test('a claim holds domain, kind and what comparison leaves out', () => {
  const table = buildRouteTable([posts]);
  assert.deepEqual(table.claim('GET', '/posts/7'), {
    ...{ domain: 'posts', kind: 'query', pattern: 'GET /posts/:id' },
    ignore: ['$.servedAt'],
  });
  assert.deepEqual(table.claim('POST', '/posts'), {
    ...{ domain: 'posts', kind: 'command', pattern: 'POST /posts' },
    ignore: [],
  });
});

test('a HEAD is claimed with its GET, unless it is claimed by itself', () => {
  const table = buildRouteTable([posts]);
  assert.equal(table.claim('HEAD', '/posts/7')?.pattern, 'GET /posts/:id');
  assert.equal(table.claim('HEAD', '/feed')?.pattern, 'HEAD /feed');
  assert.equal(table.claim('GET', '/feed')?.pattern, 'GET /feed');
});

const WRONG: Readonly<Record<string, Parameters<typeof testDomain>[1]>> = {
  'a query that is no GET': { queries: ['POST /posts/search'] },
  'a pattern without a method': { queries: ['/posts'] },
  'a pattern without a path': { commands: ['POST'] },
  'a path that does not begin with a slash': { commands: ['POST posts'] },
  'a method in lower case': { commands: ['post /posts'] },
  'a method that there is not': { commands: ['FETCH /posts'] },
  'a route that is claimed twice': { queries: ['GET /users/:name'] },
};
for (const [name, routes] of Object.entries(WRONG)) {
  test(`${name} is refused, with the domain and the pattern`, () => {
    const pattern = routes!.queries?.[0] ?? routes!.commands![0]!;
    assert.throws(
      () => buildRouteTable([testDomain('users'), testDomain('posts', routes)]),
      (error) =>
        error instanceof BanyanError &&
        error.code === 'CONFIG_INVALID' &&
        error.message.includes(pattern) &&
        error.at === 'domain posts',
    );
  });
}

function moved(data: unknown, version: number, type = 'StageChanged'): RecordedEvent {
  const place = { stream: 'migration-posts', category: 'migration', version, position: version };
  const time = '2026-11-24T08:00:00.000Z';
  return { ...place, id: `${version}`, type, time, schemaVersion: 1, data, meta: { origin: 'command' } };
}

test('a route is the fold of its domain’s moves; what it has seen, and what is no move, changes nothing', () => {
  const reading = foldRoute(INITIAL_ROUTE, moved({ to: 'reading', percent: 20 }, 4));
  assert.deepEqual(reading, { stage: 'reading', percent: 20, epoch: 0, revision: 4 });
  assert.equal(foldRoute(reading, moved({ to: 'mapped', percent: 0 }, 4)), reading, 'told again');
  assert.equal(foldRoute(reading, moved({ to: 'mapped', percent: 0 }, 3)), reading, 'told late');
  assert.equal(foldRoute(reading, moved({ to: 'mapped' }, 5, 'GateMeasured')), reading, 'another event');
  assert.equal(
    foldRoute(reading, moved({ to: 'owning', percent: 0 }, 5)),
    reading,
    'a later version’s stage',
  );
  const back = foldRoute(reading, moved({ to: 'shadowing', percent: 20 }, 5));
  assert.deepEqual(
    back,
    { stage: 'shadowing', percent: 0, epoch: 0, revision: 5 },
    'no share outside reading',
  );
});

test('a table that a request holds does not change under it', () => {
  const before = buildRouteTable([posts, testDomain('users')]);
  const reading: DomainRoute = { stage: 'reading', percent: 5, epoch: 0, revision: 1 };
  const after = withRoute(before, 'posts', reading);
  assert.deepEqual(before.routes, { posts: INITIAL_ROUTE, users: INITIAL_ROUTE });
  assert.deepEqual(after.routes, { posts: reading, users: INITIAL_ROUTE });
});
