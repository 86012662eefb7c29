// A monolith of posts, the log that its changes end in when the test lets them, the real service, and a gateway before both.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join, resolve } from 'node:path';
import type { Domain } from '../../../src/domain/domain.ts';
import { reply } from '../../../src/domain/reply.ts';
import type { SourceProgress } from '../../../src/event-store/event-store.ts';
import { createMemoryEventStore } from '../../../src/event-store/memory/memory-event-store.ts';
import type { GatewayLimits } from '../../../src/gateway/limits.ts';
import { lsn } from '../../../src/kernel/lsn.ts';
import { uuidv7 } from '../../../src/kernel/uuid.ts';
import { sqliteStoreShelf } from '../../../src/projection/sqlite/sqlite-store-shelf.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { waitUntil } from '../../../src/runtime/wait.ts';
import { type RunningService, startService } from '../../../src/service/start-service.ts';
import {
  httpServer,
  sendJson,
  type TestGateway,
  TestSource,
  testDomain,
  testGateway,
} from '../test-gateway.ts';

const text = { kind: 'text', isNullable: false, default: undefined } as const;

const posts: Domain = {
  ...testDomain('posts', { commands: ['POST /posts/:id'] }),
  projection: {
    name: 'posts',
    version: 1,
    tables: { posts: { key: ['id'], columns: { id: text, title: text }, indexes: [] } },
    on: {
      PostWritten: ({ data }, tables) => tables.posts!.upsert(data as { id: string; title: string }),
    },
  },
  queries: {
    'GET /posts/:id': {
      answer: async ({ params, read }) =>
        (await read.get('posts', { id: params.id })) ?? reply(404, { error: 'no such post' }),
      ignore: [],
    },
  },
};

export interface PostsSystem extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly url: string;
  readonly service: RunningService;
  /** Each write to the monolith moves it. */
  readonly source: TestSource;
  /** What a request to the monolith meets between its commit and its answer. */
  beforeAnswer: (request: IncomingMessage, response: ServerResponse) => unknown;
  /** Takes the monolith's writes into the log, the oldest `count` of those that are not there yet, and waits for the store. */
  capture(count?: number): Promise<void>;
  /** Another gateway before the same. */
  secondGateway(): Promise<TestGateway>;
}

/** Reading at 100 %, with nothing written yet. */
export async function startPostsSystem(limits: Partial<GatewayLimits> = {}): Promise<PostsSystem> {
  await using opened = new AsyncDisposableStack();
  const data = resolve(import.meta.dirname, '../../../.data/test');
  mkdirSync(data, { recursive: true });
  const folder = mkdtempSync(join(data, 'gateway-'));
  opened.defer(() => rmSync(folder, { recursive: true }));
  const log = opened.use(createMemoryEventStore());
  const source = new TestSource();
  const table = new Map<string, string>();
  const writes: { readonly id: string; readonly title: string; readonly at: bigint }[] = [];
  let progress: SourceProgress | undefined;

  const monolith = opened.use(
    await httpServer(async (request, response) => {
      const id = request.url!.split('/').at(-1)!;
      let title = '';
      for await (const piece of request) title += String(piece);
      if (request.method === 'POST') {
        source.at += 1n;
        table.set(id, title);
        writes.push({ id, title, at: source.at });
      }
      await system.beforeAnswer(request, response);
      if (response.destroyed || response.writableEnded) return;
      if (table.has(id)) sendJson(response, { id, title: table.get(id) });
      else sendJson(response, { error: 'no such post' }, 404);
    }),
  );
  const shelf = sqliteStoreShelf(folder, posts.projection);
  const service = opened.use(
    await startService({ domain: posts, eventLog: log, shelf, host: '127.0.0.1', port: 0, log: silentLog }),
  );
  if (!(await waitUntil(() => service.store.isLive, { timeoutMs: 10_000, everyMs: 2 })))
    throw new Error('The store was never caught up');
  const open = (): Promise<TestGateway> =>
    testGateway({
      ...{ monolithUrl: monolith.url, services: { posts: service.url }, domains: [posts] },
      ...{ eventLog: log, sourcePosition: source, limits },
    });
  const gateway = opened.use(await open());
  await gateway.move('posts', 'reading', 100);

  const system: PostsSystem = {
    ...{ gateway, url: gateway.url, service, source },
    beforeAnswer: () => undefined,
    async capture(count = writes.length) {
      for (const { id, title, at } of writes.splice(0, count)) {
        const event = {
          ...{ id: uuidv7(), type: 'PostWritten', time: new Date().toISOString(), schemaVersion: 1 },
          ...{ data: { id, title }, meta: { origin: 'capture' } as const },
        };
        const next: SourceProgress = { name: 'app', lsn: lsn(at), position: 0 };
        const write = { stream: `post-${id}`, expected: 'any', events: [event] } as const;
        await log.append([write], { source: { ...next, expected: progress } });
        progress = next;
      }
      const wanted = progress;
      if (wanted && !(await service.store.liveProjector.reaches('app', wanted.lsn, 10_000)))
        throw new Error('The store never reached what was captured');
    },
    secondGateway: async () => owned.use(await open()),
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
  const owned = opened.move();
  return system;
}
