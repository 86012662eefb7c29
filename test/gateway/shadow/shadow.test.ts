// Shadow comparison: match, lag, raced, noise and differs told apart by asking again, off the client's path, bounded.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DomainTraffic, ShadowFigures } from '../../../src/control/role-status.ts';
import type { GatewayLimits } from '../../../src/gateway/limits.ts';
import { waitUntil } from '../../../src/runtime/wait.ts';
import { httpServer, sendJson, type TestGateway, testDomain, testGateway } from '../test-gateway.ts';

type Answer = {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
};
/** What one side says, one answer after another; the last one is said again. */
type Script = readonly unknown[];

const BEHIND: Answer = { status: 425, headers: { 'banyan-refused': 'behind' } };
const BROKEN: Answer = { status: 500 };
const NOTHING = { compared: 0, match: 0, lag: 0, raced: 0, noise: 0, differs: 0, dropped: 0, failed: 0 };

interface Scripted extends AsyncDisposable {
  readonly gateway: TestGateway;
  /** The headers of every request to the service. */
  readonly asked: readonly Record<string, unknown>[];
  traffic(): DomainTraffic;
  /** Asks once, as a client, and resolves with what the comparison of it made of it. */
  compare(monolith: Script, service: Script): Promise<Partial<ShadowFigures>>;
}

async function scripted(limits: Partial<GatewayLimits> = {}): Promise<Scripted> {
  await using opened = new AsyncDisposableStack();
  const asked: Record<string, unknown>[] = [];
  const says: Record<'monolith' | 'service', unknown[]> = { monolith: [], service: [] };
  const serve = async (side: 'monolith' | 'service') =>
    opened.use(
      await httpServer((request, response) => {
        if (side === 'service') asked.push(request.headers);
        const [next] = says[side].length > 1 ? says[side].splice(0, 1) : says[side];
        const { status = 200, body = next, headers } = isAnswer(next) ? next : {};
        sendJson(response, body, status, headers);
      }),
    );
  const [monolith, service] = [await serve('monolith'), await serve('service')];
  const gateway = opened.use(
    await testGateway({
      ...{ monolithUrl: monolith.url, services: { posts: service.url }, shadowSampleRate: 1, limits },
      domains: [testDomain('posts', { ignore: ['$.servedAt'] })],
    }),
  );
  await gateway.move('posts', 'shadowing');
  const owned = opened.move();
  const traffic = (): DomainTraffic => gateway.gateway.status().domains[0]!;
  return {
    gateway,
    asked,
    traffic,
    async compare(monolithSays, serviceSays) {
      const before = traffic().shadow;
      Object.assign(says, { monolith: [...monolithSays], service: [...serviceSays] });
      const response = await fetch(`${gateway.url}/posts/1`);
      assert.equal(response.headers.get('banyan-side'), 'monolith');
      const first = monolithSays[0];
      assert.deepEqual(
        await response.json(),
        isAnswer(first) ? first.body : first,
        'the client sees the monolith',
      );
      const told = (shadow: ShadowFigures): number => shadow.compared + shadow.dropped + shadow.failed;
      assert.ok(
        await waitUntil(() => told(traffic().shadow) > told(before), { timeoutMs: 10_000, everyMs: 1 }),
      );
      const now = traffic().shadow;
      return Object.fromEntries(
        Object.entries(now)
          .map(([name, value]) => [name, value - before[name as keyof ShadowFigures]] as const)
          .filter(([, value]) => value > 0),
      );
    },
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
}

function isAnswer(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null && 'status' in value;
}

const CASES: readonly {
  readonly name: string;
  readonly monolith: Script;
  readonly service: Script;
  readonly verdict: keyof ShadowFigures;
}[] = [
  { name: 'the same answer', monolith: [{ a: 1, b: [2] }], service: [{ b: [2], a: 1 }], verdict: 'match' },
  {
    name: 'a field that is ignored',
    monolith: [{ servedAt: 1 }],
    service: [{ servedAt: 2 }],
    verdict: 'match',
  },
  { name: 'a store that is behind', monolith: [{ a: 1 }], service: [BEHIND], verdict: 'lag' },
  { name: 'a service that fails', monolith: [{ a: 1 }], service: [BROKEN], verdict: 'failed' },
  {
    name: 'a write between the two reads',
    monolith: [{ a: 1 }, { a: 2 }],
    service: [{ a: 2 }],
    verdict: 'raced',
  },
  {
    name: 'a write after the monolith was asked again',
    monolith: [{ a: 1 }, { a: 1 }, { a: 3 }],
    service: [{ a: 2 }, { a: 3 }],
    verdict: 'raced',
  },
  {
    name: 'a commit that is in the log, and so in the store, and not yet visible to the monolith',
    monolith: [{ a: 1 }, { a: 1 }, { a: 1 }, { a: 1 }, { a: 2 }],
    service: [{ a: 2 }],
    verdict: 'raced',
  },
  {
    name: 'a field that differs between two answers of the monolith itself',
    monolith: [
      { a: 1, rank: 1 },
      { a: 1, rank: 2 },
    ],
    service: [
      { a: 1, rank: 8 },
      { a: 1, rank: 9 },
    ],
    verdict: 'noise',
  },
  { name: 'a value that stays different', monolith: [{ a: 1 }], service: [{ a: 2 }], verdict: 'differs' },
  { name: 'a field that is missing', monolith: [{ a: 1, b: null }], service: [{ a: 1 }], verdict: 'differs' },
  { name: 'a status', monolith: [{ a: 1 }], service: [{ status: 404, body: { a: 1 } }], verdict: 'differs' },
  {
    name: 'a difference beside noise',
    monolith: [
      { a: 1, rank: 1 },
      { a: 1, rank: 2 },
      { a: 1, rank: 3 },
    ],
    service: [{ a: 5, rank: 8 }],
    verdict: 'differs',
  },
];

test('each verdict is told from the others', async (context) => {
  await using system = await scripted();
  for (const { name, monolith, service, verdict } of CASES) {
    await context.test(`${name}: ${verdict}`, async () => {
      const counted = verdict === 'failed' ? {} : { compared: 1 };
      assert.deepEqual(await system.compare(monolith, service), { ...counted, [verdict]: 1 });
    });
  }
});

test('numbers that JavaScript rounds to the same are different', async () => {
  const text = (id: string): string => `{"id":${id}}`;
  await using monolith = await httpServer((_, response) =>
    response.writeHead(200, JSON_TYPE).end(text('9007199254740993')),
  );
  await using service = await httpServer((_, response) =>
    response.writeHead(200, JSON_TYPE).end(text('9007199254740992')),
  );
  await using gateway = await testGateway({
    ...{ monolithUrl: monolith.url, services: { posts: service.url }, shadowSampleRate: 1 },
  });
  await gateway.move('posts', 'shadowing');
  await (await fetch(`${gateway.url}/posts/1`)).arrayBuffer();
  const shadow = (): ShadowFigures => gateway.gateway.status().domains[0]!.shadow;
  assert.ok(await waitUntil(() => shadow().compared === 1, { timeoutMs: 10_000, everyMs: 1 }));
  assert.equal(shadow().differs, 1);
});
const JSON_TYPE = { 'content-type': 'application/json' };

test('the service is asked at a position that lies behind the answer of the monolith', async () => {
  await using system = await scripted();
  system.gateway.source.at = 0x16_0000_00ffn;
  await system.compare([{ a: 1 }], [{ a: 1 }]);
  assert.equal(system.asked[0]!['banyan-min-position'], 'app@16/FF');
});

test('what differs is kept with its route and path, counted, masked and bounded', async () => {
  await using system = await scripted();
  const post = (name: string, field: string): unknown => ({
    items: [{ email: `${name}@example.org`, [field]: name }],
  });
  for (let round = 0; round < 3; round += 1)
    await system.compare([post('ann', 'title')], [post('bob', 'title')]);
  const [first, second, ...more] = [...system.traffic().shadowSamples].sort((a, b) =>
    a.path < b.path ? -1 : 1,
  );
  const shown = ({ route, path, monolith, service, count }: NonNullable<typeof first>) => [
    route,
    path,
    monolith,
    service,
    count,
  ];
  assert.deepEqual(shown(first!), ['GET /posts/:id', '$.items[*].email', '(masked)', '(masked)', 3]);
  assert.deepEqual(shown(second!), ['GET /posts/:id', '$.items[*].title', '"ann"', '"bob"', 3]);
  assert.deepEqual(more, []);
  const many = (value: number): unknown =>
    Object.fromEntries(Array.from({ length: 90 }, (_, at) => [`field${at}`, value]));
  await system.compare([many(1)], [many(2)]);
  assert.equal(system.traffic().shadowSamples.length, 50);
});

test('a service that does not answer costs the client nothing, and a full pool drops and counts', async () => {
  const held = Promise.withResolvers<void>();
  await using monolith = await httpServer((_, response) => sendJson(response, { a: 1 }));
  await using service = await httpServer((_, response) =>
    held.promise.then(() => sendJson(response, { a: 1 })),
  );
  await using gateway = await testGateway({
    ...{ monolithUrl: monolith.url, services: { posts: service.url }, shadowSampleRate: 1 },
    limits: { shadowConcurrency: 2 },
  });
  await gateway.move('posts', 'shadowing');
  for (let round = 0; round < 5; round += 1)
    assert.deepEqual(await (await fetch(`${gateway.url}/posts/1`)).json(), { a: 1 });
  const shadow = (): ShadowFigures => gateway.gateway.status().domains[0]!.shadow;
  assert.deepEqual(shadow(), { ...NOTHING, dropped: 3 });
  held.resolve();
  assert.ok(await waitUntil(() => shadow().match === 2, { timeoutMs: 10_000, everyMs: 1 }));
});

test('no more than the sampled share is compared, and commands never are', async () => {
  let asked = 0;
  await using monolith = await httpServer((_, response) => sendJson(response, { a: 1 }));
  await using service = await httpServer((_, response) => {
    asked += 1;
    sendJson(response, { a: 1 });
  });
  await using gateway = await testGateway({
    ...{ monolithUrl: monolith.url, services: { posts: service.url }, shadowSampleRate: 0 },
  });
  await gateway.move('posts', 'shadowing');
  for (let round = 0; round < 20; round += 1) await (await fetch(`${gateway.url}/posts/1`)).arrayBuffer();
  await (await fetch(`${gateway.url}/posts`, { method: 'POST', body: '{}' })).arrayBuffer();
  assert.deepEqual(gateway.gateway.status().domains[0]!.shadow, NOTHING);
  assert.equal(asked, 0);
});
