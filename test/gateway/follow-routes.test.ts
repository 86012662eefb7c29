// The table follows the migration's events: live, late and over an outage of the log alike; and what clients see of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { EventStore } from '../../src/event-store/event-store.ts';
import { createMemoryEventStore } from '../../src/event-store/memory/memory-event-store.ts';
import { followRoutes } from '../../src/gateway/follow-routes.ts';
import { BanyanError } from '../../src/kernel/error.ts';
import { type DomainRoute, STAGES, type Stage } from '../../src/kernel/stage.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { Browser } from './session/browser.ts';
import { httpServer, moveTo, sendJson, testDomain, testGateway } from './test-gateway.ts';

interface Follower extends AsyncDisposable {
  readonly routes: Map<string, DomainRoute>;
  readonly told: string[];
  readonly finished: Promise<void>;
}

/** Resolves when it has caught up. */
async function follow(eventLog: EventStore): Promise<Follower> {
  const stop = new AbortController();
  const routes = new Map<string, DomainRoute>();
  const told: string[] = [];
  const onChange = (domain: string, route: DomainRoute): void => {
    routes.set(domain, route);
    told.push(`${domain} ${route.stage} ${route.percent}`);
  };
  const { finished } = await followRoutes({ eventLog, signal: stop.signal, onChange });
  return {
    ...{ routes, told, finished },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await finished;
    },
  };
}

const move = fc.tuple(
  fc.constantFrom('posts', 'users', 'claps-and-more'),
  fc.constantFrom(...STAGES),
  fc.integer({ min: 1, max: 100 }),
);

test('a gateway that was there for every move and one that starts after them have the same table', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(move, { maxLength: 12 }), async (moves) => {
      await using log = createMemoryEventStore();
      await using early = await follow(log);
      for (const [domain, stage, percent] of moves) await moveTo(log, domain, stage, percent);
      await using late = await follow(log);
      const last = Object.fromEntries(
        moves.map(([domain, stage, percent]) => [domain, `${stage} ${stage === 'reading' ? percent : 0}`]),
      );
      assert.deepEqual(
        Object.fromEntries(
          [...late.routes].map(([domain, { stage, percent }]) => [domain, `${stage} ${percent}`]),
        ),
        last,
      );
      assert.ok(
        await waitUntil(() => early.told.length === moves.length, { timeoutMs: 5_000, everyMs: 1 }),
        `told ${early.told.length} of ${moves.length} moves`,
      );
      assert.deepEqual(early.routes, late.routes);
    }),
    { numRuns: 30 },
  );
});

test('a stage that only a later version knows moves nothing here', async () => {
  await using log = createMemoryEventStore();
  await moveTo(log, 'posts', 'reading', 5);
  await moveTo(log, 'posts', 'owning' as Stage);
  await using follower = await follow(log);
  assert.deepEqual(follower.told, ['posts reading 5']);
});

/** The log, but for how it is followed. */
function subscribedBy(log: EventStore, subscribe: EventStore['subscribe']): EventStore {
  return new Proxy(log, {
    get: (target, name) => (name === 'subscribe' ? subscribe : Reflect.get(target, name)),
  });
}

test('over an outage of the log each move is told once and none is missed', async () => {
  await using log = createMemoryEventStore();
  const from: number[] = [];
  const failing = subscribedBy(log, async function* (options) {
    from.push(options.after);
    if (from.length > 2) return yield* log.subscribe(options);
    yield* log.readLog({ ...options, upTo: from.length, batchSize: 1 });
    throw new BanyanError('LOG_UNREACHABLE', 'The log does not answer');
  });
  for (const percent of [1, 2, 3]) await moveTo(log, 'posts', 'reading', percent);
  await using follower = await follow(failing);
  assert.deepEqual(follower.told, ['posts reading 1', 'posts reading 2', 'posts reading 3']);
  assert.deepEqual(from, [0, 1, 2]);
});

test('a log that is broken for good fails the start: yesterday’s routes are not served', async () => {
  await using log = createMemoryEventStore();
  await moveTo(log, 'posts', 'reading', 100);
  await moveTo(log, 'posts', 'mapped');
  const broken = subscribedBy(log, async function* (options) {
    yield* log.readLog({ ...options, upTo: 1 });
    throw new BanyanError('LOG_CORRUPT', 'A page cannot be read');
  });
  await assert.rejects(follow(broken), { code: 'LOG_CORRUPT' });
});

test('through a gateway: a moved domain’s queries go to its service, all else stays, a rollback takes them back', async () => {
  await using monolith = await httpServer((_request, response) => sendJson(response, 'monolith'));
  await using service = await httpServer((_request, response) => sendJson(response, 'service'));
  await using gateway = await testGateway({
    monolithUrl: monolith.url,
    services: { posts: service.url, users: service.url },
    domains: [testDomain('posts'), testDomain('users')],
  });
  const browser = new Browser(gateway.url);
  const answered = async (): Promise<string[]> => {
    const pages = [
      await browser.get('/posts/1'),
      await browser.post('/posts'),
      await browser.get('/users/1'),
      await browser.get('/about'),
    ];
    return pages.map(({ body, side }) => (body === JSON.stringify(side) ? side : `${side} said ${body}`));
  };
  const all = ['monolith', 'monolith', 'monolith', 'monolith'];
  assert.deepEqual(await answered(), all);
  await gateway.move('posts', 'shadowing');
  assert.deepEqual(await answered(), all);
  await gateway.move('posts', 'reading', 100);
  assert.deepEqual(await answered(), ['service', 'monolith', 'monolith', 'monolith']);
  await gateway.move('posts', 'mapped');
  assert.deepEqual(await answered(), all);
});

test('a query under way is answered by the side that it began with, whatever is moved meanwhile', async () => {
  const asked = Promise.withResolvers<void>();
  const moved = Promise.withResolvers<void>();
  await using monolith = await httpServer((_request, response) => sendJson(response, 'monolith'));
  await using service = await httpServer(async (_request, response) => {
    asked.resolve();
    await moved.promise;
    sendJson(response, 'service');
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url, services: { posts: service.url } });
  await gateway.move('posts', 'reading', 100);
  const underWay = new Browser(gateway.url).get('/posts/1');
  await asked.promise;
  await gateway.move('posts', 'mapped');
  assert.equal((await new Browser(gateway.url).get('/posts/1')).side, 'monolith');
  moved.resolve();
  assert.equal((await underWay).side, 'service');
});
