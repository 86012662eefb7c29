// A service over HTTP: its queries from one snapshot, no older than asked for, and clear about why it cannot answer.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, beforeEach, suite, test } from 'node:test';
import type { Domain, QueryRequest } from '../../src/domain/domain.ts';
import { reply } from '../../src/domain/reply.ts';
import type { SourceProgress } from '../../src/event-store/event-store.ts';
import {
  createMemoryEventStore,
  type MemoryEventStore,
} from '../../src/event-store/memory/memory-event-store.ts';
import { lsn, parseLsn } from '../../src/kernel/lsn.ts';
import { uuidv7 } from '../../src/kernel/uuid.ts';
import { sqliteStoreShelf } from '../../src/projection/sqlite/sqlite-store-shelf.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { type RunningService, startService } from '../../src/service/start-service.ts';
import { testDomain } from '../gateway/test-gateway.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const text = { kind: 'text', isNullable: false, default: undefined } as const;

suite('a service', () => {
  let folder: string;
  let log: MemoryEventStore;
  let service: RunningService;
  let progress: SourceProgress | undefined;
  let mayProject: Promise<void> = Promise.resolve();
  let seen: QueryRequest | undefined;

  const notes: Domain = {
    ...testDomain('notes'),
    projection: {
      ...{
        name: 'notes',
        version: 1,
        tables: { notes: { key: ['id'], columns: { id: text, says: text }, indexes: [] } },
      },
      on: {
        async NoteWritten({ data }, { notes: table }) {
          await mayProject;
          table!.upsert(data as { id: string; says: string });
        },
      },
    },
    queries: Object.fromEntries(
      Object.entries({
        'GET /notes/:id': ({ params, read }: QueryRequest) =>
          read.get('notes', { id: params.id }).then((note) => note ?? reply(404, { error: 'no such note' })),
        'GET /echo/:word': (request: QueryRequest) => {
          seen = request;
          return { word: request.params.word, page: request.search.get('page') };
        },
        'GET /moved': () => reply(302, undefined, { location: '/notes/1' }),
        'GET /fails': () => {
          throw new Error('a value that nobody may see');
        },
      }).map(([route, answer]) => [route, { answer, ignore: [] }]),
    ),
  };

  /** Appends a note as a capture of what the source committed at `at` would. */
  async function write(id: string, says: string, at: bigint): Promise<void> {
    const event = { id: uuidv7(), type: 'NoteWritten', time: new Date().toISOString(), schemaVersion: 1 };
    const next: SourceProgress = { name: 'app', lsn: lsn(at), position: 0 };
    await log.append(
      [
        {
          stream: `note-${id}`,
          expected: 'any',
          events: [{ ...event, data: { id, says }, meta: { origin: 'capture' } }],
        },
      ],
      { source: { ...next, expected: progress } },
    );
    progress = next;
  }

  const start = (): Promise<RunningService> =>
    startService({
      ...{ domain: notes, eventLog: log, shelf: sqliteStoreShelf(folder, notes.projection) },
      ...{ host: '127.0.0.1', port: 0, log: silentLog },
    });

  before(async () => {
    folder = scratchFolder('service');
    log = createMemoryEventStore();
    await write('1', 'first', 0x10n);
    service = await start();
  });
  after(async () => {
    await service?.[Symbol.asyncDispose]();
    await log[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    mayProject = Promise.resolve();
    assert.ok(
      await waitUntil(() => service.status().lagEvents === 0 && service.store.isLive, {
        timeoutMs: 10_000,
        everyMs: 1,
      }),
    );
  });

  const ask = (
    path: string,
    headers: Readonly<Record<string, string>> = {},
    method = 'GET',
  ): Promise<Response> => fetch(service.url + path, { headers, method, redirect: 'manual' });

  test('answers from its store, and says at which place of the source', async () => {
    const response = await ask('/notes/1');
    assert.equal(response.headers.get('banyan-position'), 'app@0/10');
    assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
    assert.deepEqual(await response.json(), { id: '1', says: 'first' });
    const absent = await ask('/notes/2');
    assert.deepEqual([absent.status, await absent.json()], [404, { error: 'no such note' }]);
  });

  test('parameters, search and headers arrive; HEAD has the head alone; a reply has its own status', async () => {
    const response = await ask('/echo/caf%C3%A9?page=2', { 'x-who': 'ann' });
    assert.deepEqual(await response.json(), { word: 'café', page: '2' });
    assert.equal(seen!.headers['x-who'], 'ann');
    const head = await ask('/notes/1', {}, 'HEAD');
    assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '25', '']);
    const moved = await ask('/moved');
    assert.deepEqual(
      [moved.status, moved.headers.get('location'), await moved.text()],
      [302, '/notes/1', ''],
    );
  });

  test('a path or method that is no query of it is a 404; a query that fails is a 500 that shows nothing', async () => {
    for (const response of [await ask('/absent'), await ask('/notes/1', {}, 'POST')]) {
      assert.equal(response.status, 404);
      assert.equal(response.headers.get('content-type'), 'application/problem+json');
      await response.arrayBuffer();
    }
    const failed = await ask('/fails');
    const body = await failed.text();
    assert.equal(failed.status, 500);
    assert.doesNotMatch(body, /nobody may see/);
    assert.match(body, /"requestId":"[\da-f-]{36}"/);
    assert.equal(service.status().queries.failed, 1);
  });

  test('a place that the store has not reached is 425, unless it comes within the wait', async () => {
    const at = (place: string, waitMs: number) => ({
      'banyan-min-position': `app@${place}`,
      'banyan-wait-ms': String(waitMs),
    });
    const behind = await ask('/notes/1', at('0/20', 0));
    assert.deepEqual([behind.status, behind.headers.get('banyan-refused')], [425, 'behind']);
    await behind.arrayBuffer();
    const waiting = ask('/notes/2', at('0/20', 10_000));
    await write('2', 'second', 0x20n);
    const response = await waiting;
    assert.ok(parseLsn(response.headers.get('banyan-position')!.split('@')[1]!) >= 0x20n);
    assert.deepEqual(await response.json(), { id: '2', says: 'second' });
    for (const nonsense of ['app@', 'app@123456789/1', '0/99', 'app@x/y'])
      assert.equal((await ask('/notes/1', { 'banyan-min-position': nonsense })).status, 200, nonsense);
  });

  test('while its first store is built it refuses, and says so', async () => {
    await service[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
    const held = Promise.withResolvers<void>();
    mayProject = held.promise;
    service = await start();
    const refused = await ask('/notes/1');
    assert.deepEqual([refused.status, refused.headers.get('banyan-refused')], [503, 'building']);
    await refused.arrayBuffer();
    assert.equal(service.status().state, 'building');
    held.resolve();
    assert.ok(await waitUntil(() => service.store.isLive, { timeoutMs: 10_000, everyMs: 1 }));
    assert.equal((await ask('/notes/1')).status, 200);
  });

  test('while a store is rebuilt the old one answers, up to date', async () => {
    const held = Promise.withResolvers<void>();
    mayProject = held.promise;
    await service.store.rebuild();
    await assert.rejects(service.store.rebuild(), { code: 'LEASE_HELD' });
    for (let round = 0; round < 50; round += 1) assert.equal((await ask('/notes/2')).status, 200);
    assert.ok(service.store.rebuildFigures());
    held.resolve();
    assert.ok(
      await waitUntil(() => service.store.rebuildFigures() === null, { timeoutMs: 10_000, everyMs: 1 }),
    );
    assert.deepEqual(await (await ask('/notes/2')).json(), { id: '2', says: 'second' });
  });
});
