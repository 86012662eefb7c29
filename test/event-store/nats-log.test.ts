// What is particular to the log in NATS: appends seen whole while they are stored, expectations of streams that are not
// written, limits, and what lies in the stream for others to read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { pino } from 'pino';
import type { EventStore } from '../../src/event-store/event-store.ts';
import { type EventPlace, encodeEvent } from '../../src/event-store/nats/log-message.ts';
import { LogNames } from '../../src/event-store/nats/log-names.ts';
import { errorCode } from '../../src/kernel/error.ts';
import { lsn } from '../../src/kernel/lsn.ts';
import {
  appended,
  eventsOf,
  Follower,
  idsOf,
  newEvent,
  streamOf,
  times,
  until,
  write,
} from '../../src/testing/contract/event-store/case.ts';
import { NatsServer } from '../../src/testing/nats-server.ts';
import { natsLane } from './scratch-nats-log.ts';

const SEVEN_DAYS_S = 7 * 24 * 3600;

natsLane('the log in NATS', (nats) => {
  test('an append is seen whole or not at all, also by readers that come while it is stored', async () => {
    await using log = nats.newLog();
    await using writing = await log.open();
    await using reading = await log.open();
    const streams = times(50, (index) => `post-${index}`);
    let isWriting = true;
    const reader = async (read: () => Promise<readonly { readonly version: number }[]>): Promise<number> => {
      let reads = 0;
      for (; isWriting; reads += 1) {
        const versions = new Set((await read()).map(({ version }) => version));
        assert.ok(versions.size <= 1, `half an append: versions ${[...versions]}`);
      }
      return reads;
    };
    const lastOfEach = async (): Promise<{ version: number }[]> => {
      const events = await eventsOf(reading);
      return [...new Map(events.map((event) => [event.stream, event])).values()];
    };
    const firstThenLast = async (): Promise<{ version: number }[]> => {
      const first = (await streamOf(reading, streams[0]!)).at(-1);
      const last = (await streamOf(reading, streams.at(-1)!)).at(-1);
      // The second was read later: it may be newer, and must not be older.
      return (last?.version ?? 0) >= (first?.version ?? 0) ? [] : [first!, last ?? { version: 0 }];
    };
    const readers = [reader(lastOfEach), reader(firstThenLast)];
    for (let round = 0; round < 40; round += 1) {
      await appended(writing.append(streams.map((stream) => write(stream))));
    }
    isWriting = false;
    for (const reads of await Promise.all(readers)) assert.ok(reads > 10, `only ${reads} reads`);
  });

  test('an append of which only the beginning is there is waited for', async () => {
    await using log = nats.newLog();
    await using store = await log.open();
    const connection = await connect({ servers: nats.server.address });
    const names = new LogNames(log.name);
    const place = (version: number, following: number): Promise<unknown> =>
      connection.request(
        names.stream('post-1'),
        eventText(log.name, { stream: 'post-1', version, following }),
      );
    await place(1, 0);
    assert.equal((await store.head()).position, 1);
    await place(2, 1);
    let isSeen = false;
    const reads = [store.head(), eventsOf(store), streamOf(store, 'post-1')].map(async (read) => {
      await read;
      isSeen = true;
      return read;
    });
    // Longer than any of them takes.
    for (const _ of times(20, () => 0)) await connection.request(`$JS.API.STREAM.INFO.${log.name}`);
    assert.equal(isSeen, false);
    await place(3, 0);
    const [head, events, stream] = await Promise.all(reads);
    assert.deepEqual(head, { position: 3, progress: [] });
    assert.equal((events as unknown[]).length, 3);
    assert.equal((stream as unknown[]).length, 2);
    await connection.close();
  });

  test('an expectation of a stream that the append does not write holds against those who do', async () => {
    await using log = nats.newLog();
    await using one = await log.open();
    await using two = await log.open();
    let overtaken = 0;
    for (const round of times(60, (index) => index)) {
      const looked = `user-${round}`;
      const [looking, writing] = await Promise.all([
        one.append([write(looked, 'none', []), write('post-1', 'any')]),
        two.append([write(looked, 'none')]),
      ]);
      assert.equal(writing.outcome, 'appended');
      if (looking.outcome === 'conflict') overtaken += 1;
      else assert.ok((await appended(Promise.resolve(looking))).position < positionOf(writing));
    }
    assert.equal((await streamOf(one, 'post-1')).length, 60 - overtaken);
  });

  test('an append that the server will not take whole is refused with the setting, and its neighbours are stored', async () => {
    await using log = nats.newLog();
    await using store = await log.open();
    const many = write(
      'post-1',
      'any',
      times(1_001, () => newEvent()),
    );
    const large = write('post-2', 'any', [newEvent('Written', 'x'.repeat(8 * 1024 * 1024))]);
    const [first, tooMany, tooLarge, last] = await Promise.allSettled([
      store.append([write('post-3')]),
      store.append([many]),
      store.append([large]),
      store.append([write('post-3')]),
    ]);
    assert.equal(first.status, 'fulfilled');
    assert.equal(last.status, 'fulfilled');
    assert.match(reasonOf(tooMany), /RangeError: .*1001 messages.*takes 1000.*batch\.max_msgs/);
    assert.match(reasonOf(tooLarge), /RangeError: .*bytes.*max_payload/);
    assert.deepEqual(
      (await eventsOf(store)).map(({ stream }) => stream),
      ['post-3', 'post-3'],
    );
  });

  test('a server with a greater limit takes greater appends, and a small limit is warned of', async () => {
    const roomy = await NatsServer.start({
      folder: nats.folder,
      name: 'roomy',
      jetstream: 'sync_interval: always, limits { batch { max_msgs: 20000 } }',
    });
    try {
      await using log = nats.newLog();
      const warnings: string[] = [];
      const logged = pino({ level: 'warn' }, { write: (line) => warnings.push(line) });
      const at = { servers: [roomy.address], monitors: [roomy.monitor], log: logged };
      await using store = await log.open(at);
      assert.deepEqual(warnings, []);
      await using small = nats.newLog();
      await (await small.open({ log: logged }))[Symbol.asyncDispose]();
      assert.match(String(warnings), /"batchMessages":1000,.*raise jetstream\.limits\.batch\.max_msgs/);
      const events = times(5_000, (index) => newEvent('Written', { index }));
      await appended(store.append([write('post-1', 'none', events)]));
      assert.deepEqual(idsOf(await eventsOf(store)), idsOf(events));
      assert.deepEqual(
        idsOf(await streamOf(store, 'post-1', { afterVersion: 2_500 })),
        idsOf(events.slice(2_500)),
      );
    } finally {
      await roomy.kill();
    }
  });

  test('an event lies in the stream as a CloudEvent, and an idempotency key is kept for seven days at least', async () => {
    await using log = nats.newLog();
    await using store = await log.open();
    const event = newEvent('PostWritten', { title: 'Roots' });
    const source = { name: 'monolith', lsn: lsn(10n), position: 0, expected: undefined };
    await appended(store.append([write('post-a.b', 'none', [event])], { source, idempotencyKey: 'k' }));
    const connection = await connect({ servers: nats.server.address });
    const { streams } = await jetstreamManager(connection);
    const stored = await streams.getMessage(log.name, { seq: 1 });
    assert.equal(stored?.subject, `${log.name}.event.post.a=2Eb`);
    assert.deepEqual(stored.json(), {
      specversion: '1.0',
      id: event.id,
      source: `banyan/${log.name}`,
      type: 'PostWritten',
      subject: 'post-a.b',
      time: event.time,
      streamversion: 1,
      schemaversion: 1,
      meta: '{"origin":"command"}',
      data: { title: 'Roots' },
    });
    const { state } = await streams.info(log.name, { subjects_filter: '>' });
    assert.deepEqual(Object.keys(state.subjects ?? {}).sort(), [
      `${log.name}.event.post.a=2Eb`,
      `${log.name}.key.k`,
      `${log.name}.progress.monolith`,
    ]);
    const key = await streams.getMessage(log.name, { last_by_subj: `${log.name}.key.k` });
    const [, hours] = /^(\d+)h/.exec(key?.header.get('Nats-TTL') ?? '') ?? [];
    assert.ok(Number(hours) * 3600 > SEVEN_DAYS_S, `kept for ${key?.header.get('Nats-TTL')}`);
    await connection.close();
  });

  test('a subscription finds what its writer told nobody of', async () => {
    await using log = nats.newLog();
    await using store = await log.open();
    await using follower = new Follower(store);
    await until('a first batch', () => follower.batches.length > 0);
    const connection = await connect({ servers: nats.server.address });
    const place = { stream: 'post-1', version: 1, following: 0 };
    await connection.request(new LogNames(log.name).stream('post-1'), eventText(log.name, place));
    await follower.hasReached(1);
    assert.equal(follower.events.length, 1);
    await connection.close();
  });

  test('a server that is not there is LOG_UNREACHABLE', async () => {
    await using log = nats.newLog();
    await assert.rejects(
      () => log.open({ servers: ['127.0.0.1:9'] }),
      (error) => errorCode(error) === 'LOG_UNREACHABLE',
    );
  });

  test('where the server stays away, appends and reads are LOG_UNREACHABLE once patience has ended', async () => {
    const leaving = await NatsServer.start({ folder: nats.folder, name: 'leaving' });
    await using log = nats.newLog();
    await using store = await log.open({
      servers: [leaving.address],
      monitors: [leaving.monitor],
      patienceMs: 300,
    });
    await appended(store.append([write('post-1')]));
    await leaving.kill();
    const works = [
      () => store.append([write('post-1')]),
      () => store.head(),
      () => eventsOf(store),
      () => streamOf(store, 'post-1'),
    ];
    await Promise.all(
      works.map((work) => assert.rejects(work, (error) => errorCode(error) === 'LOG_UNREACHABLE')),
    );
  });
});

/** An event's message, as the engine would write it. */
function eventText(log: string, place: EventPlace): string {
  const { id, type, time } = newEvent();
  const row = { id, type, time, schemaVersion: 1, data: '{}', meta: '{"origin":"command"}' };
  return encodeEvent(log, row, place);
}

function positionOf(outcome: Awaited<ReturnType<EventStore['append']>>): number {
  return outcome.outcome === 'appended' ? outcome.position : assert.fail(outcome.outcome);
}

function reasonOf(result: PromiseSettledResult<unknown>): string {
  return result.status === 'rejected' ? String(result.reason) : 'fulfilled';
}
