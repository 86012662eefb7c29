// What the NATS engine refuses, each with the reason and what to do: old servers, servers that acknowledge before they sync,
// streams that may lose history, and streams that are no log.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { jetstreamManager, type StreamConfig } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { LogConnection } from '../../src/event-store/nats/log-connection.ts';
import { LogNames } from '../../src/event-store/nats/log-names.ts';
import { proveComparison } from '../../src/event-store/nats/log-stream.ts';
import {
  isOlder,
  streamSettings,
  unsafeReport,
  unsafeStream,
} from '../../src/event-store/nats/safe-settings.ts';
import type { BanyanError } from '../../src/kernel/error.ts';
import { appended, eventsOf, write } from '../../src/testing/contract/event-store/case.ts';
import { NatsServer } from '../../src/testing/nats-server.ts';
import { natsLane, type ScratchNatsLog } from './scratch-nats-log.ts';

/** Of a stream that a safe log could have been, but for one setting; then what is named. */
const UNSAFE: readonly (readonly [Partial<StreamConfig>, RegExp])[] = [
  [{ storage: 'memory' }, /storage is memory.*Set storage to file/],
  [{ retention: 'interest' }, /retention is interest.*Set retention to limits/],
  [{ retention: 'workqueue' }, /retention is workqueue/],
  [{ discard: 'old' }, /discard is old.*Set discard to new/],
  [{ max_msgs: 1_000_000 }, /max_msgs is 1000000.*Set max_msgs to -1/],
  [{ max_bytes: 1_000_000 }, /max_bytes is 1000000/],
  [{ max_age: 86_400_000_000_000 }, /max_age is 86400000000000.*Set max_age to 0/],
  [{ max_msgs_per_subject: 1 }, /max_msgs_per_subject is 1/],
  [{ deny_delete: false }, /deny_delete is (false|not set).*Set deny_delete to true/],
  [{ deny_purge: false }, /deny_purge is (false|not set).*Set deny_purge to true/],
  [{ deny_purge: false, allow_rollup_hdrs: true }, /allow_rollup_hdrs is true.*allow_rollup_hdrs to false/],
  [{ allow_atomic: false }, /allow_atomic is (false|not set).*Set allow_atomic to true/],
  [{ allow_direct: false }, /allow_direct is (false|not set).*Set allow_direct to true/],
  [{ allow_msg_ttl: false }, /allow_msg_ttl is (false|not set).*Set allow_msg_ttl to true/],
  [{ allow_atomic: false, persist_mode: 'async' }, /persist_mode is async.*persist_mode to default/],
  [{ sealed: true }, /sealed is true/],
  [{ subject_transform: { src: 'a', dest: 'b' } }, /subject_transform is \{/],
];
/** A server sets these itself, or will not take them in this combination: they are only asked of the rule. */
const NOT_MADE = new Set(['sealed', 'subject_transform']);

const IDENTITY = { 'banyan.format': '1', 'banyan.log': 'a', 'banyan.recovery-epoch': '0' };

test('a log is made with settings that are safe, and each unsafe one is named with what to set', () => {
  const safe = streamSettings('log', [], 3);
  assert.deepEqual(unsafeStream(safe, 3), []);
  for (const [unsafe, named] of UNSAFE) {
    assert.match(textOf(unsafeStream({ ...safe, ...unsafe }, 3)), named);
  }
  assert.match(
    textOf(unsafeStream({ ...safe, num_replicas: 1 }, 3)),
    /num_replicas is 1.*Set num_replicas to 3/,
  );
});

test('versions are compared by their numbers', () => {
  for (const old of ['2.9.10', '2.11.99', '1.99.0', '2.2.0']) assert.ok(isOlder(old, '2.12.0'), old);
  for (const young of ['2.12.0', '2.12.1-preview.2', '2.15.1', '3.0.0', '2.100.0']) {
    assert.ok(!isOlder(young, '2.12.0'), young);
  }
  const report = { server: 'n1', syncsAlways: true, batchMessages: 1000 };
  assert.equal(unsafeReport({ ...report, version: '2.11.4' }).length, 1);
  assert.equal(unsafeReport({ ...report, version: '2.12.0' }).length, 0);
});

natsLane('what a NATS log refuses', (nats) => {
  test('each unsafe setting of a stream is refused on a real server, and the stream stays as it is', async () => {
    for (const [unsafe, named] of UNSAFE) {
      if (Object.keys(unsafe).some((setting) => NOT_MADE.has(setting))) continue;
      await using log = nats.newLog();
      const config = await madeStream(log, { ...unsafe, metadata: IDENTITY });
      const error = await refusal(log);
      assert.equal(error.code, 'LOG_UNSAFE', JSON.stringify(unsafe));
      assert.match(textOf([{ what: error.message, remedy: error.remedy }]), named);
      assert.deepEqual(await streamConfig(log), config);
    }
  });

  test('a log on fewer servers than asked for is refused', async () => {
    await using log = nats.newLog();
    await (await log.open())[Symbol.asyncDispose]();
    const error = await refusal(log, { replicas: 3 });
    assert.equal(error.code, 'LOG_UNSAFE');
    assert.match(error.message, /num_replicas is 1/);
  });

  test('a server that acknowledges before it syncs is refused with the setting to change', async () => {
    const careless = await NatsServer.start({
      folder: nats.folder,
      name: 'careless',
      jetstream: 'sync_interval: 2m',
    });
    try {
      await using log = nats.newLog();
      const at = { servers: [careless.address], monitors: [careless.monitor] };
      const error = await refusal(log, at);
      assert.equal(error.code, 'LOG_UNSAFE');
      assert.match(error.message, /careless acknowledges before it syncs/);
      assert.match(error.remedy, /sync_interval: always/);
      assert.equal((await refusal(log, { ...at, trustServers: true })).code, 'LOG_UNSAFE');
      await assert.rejects(streamConfig(log), /stream not found/);
    } finally {
      await careless.kill();
    }
  });

  test('where nobody says whether a server syncs, the log is refused, unless its servers are trusted', async () => {
    await using log = nats.newLog();
    for (const monitors of [[], ['http://127.0.0.1:9']]) {
      const { code, message, remedy } = await refusal(log, { monitors });
      assert.equal(code, 'LOG_UNSAFE');
      assert.match(message, /nobody says whether n1 syncs/);
      assert.match(remedy, /`monitors`.*`trustServers`/);
      await assert.rejects(streamConfig(log), /stream not found/);
    }
    await using store = await log.open({ monitors: [], trustServers: true });
    await appended(store.append([write('post-1')]));
  });

  test('a stream that is no log, or of another format, is left as it is', async () => {
    for (const metadata of [
      {},
      { ...IDENTITY, 'banyan.format': '2' },
      { ...IDENTITY, 'banyan.recovery-epoch': 'x' },
    ]) {
      await using log = nats.newLog();
      const config = await madeStream(log, { metadata });
      assert.equal((await refusal(log)).code, 'LOG_CORRUPT');
      assert.deepEqual(await streamConfig(log), config);
    }
  });

  test('a raised recovery epoch is another identity of the same log', async () => {
    await using log = nats.newLog();
    await using before = await log.open();
    await appended(before.append([write('post-1')]));
    await withStreams(log, async (streams) => {
      const { config } = await streams.info(log.name);
      const metadata = { ...config.metadata, 'banyan.recovery-epoch': '1' };
      await streams.update(log.name, { ...config, metadata });
    });
    await using after = await log.open();
    assert.deepEqual(after.identity, { id: before.identity.id, recoveryEpoch: 1 });
    assert.equal((await eventsOf(after)).length, 1);
  });

  test('who has no right to the server is refused, and no fault tells a password', async () => {
    const guarded = await NatsServer.start({
      folder: nats.folder,
      name: 'guarded',
      more: 'authorization { user: ann, password: opensesame }',
    });
    try {
      await using log = nats.newLog();
      const at = { servers: [guarded.address], monitors: [guarded.monitor] };
      for (const options of [at, { ...at, credentials: { user: 'ann', password: 'wrongword' } }]) {
        const error = await refusal(log, options);
        assert.equal(error.code, 'LOG_UNREACHABLE');
        assert.doesNotMatch(inspect(error), /wrongword/);
      }
      await using store = await log.open({ ...at, credentials: { user: 'ann', password: 'opensesame' } });
      await appended(store.append([write('post-1')]));
    } finally {
      await guarded.kill();
    }
  });

  test('names that cannot be a stream are refused, and no two streams share a subject', async () => {
    for (const name of ['', 'a.b', 'a b', 'a>', 'ä', 'x'.repeat(65)]) {
      assert.throws(() => new LogNames(name), { code: 'CONFIG_INVALID' });
    }
    const names = new LogNames('log');
    const ids = [
      'a',
      'A',
      'a.b',
      'a=2Eb',
      '=2E',
      '==',
      '>',
      '*',
      ' ',
      'ä',
      'a\u0308',
      'x'.repeat(500),
      'x'.repeat(501),
    ];
    const subjects = ids.map((id) => names.stream(`post-${id}`));
    assert.equal(new Set(subjects).size, ids.length);
    for (const subject of subjects) assert.match(subject, /^log\.event\.post\.[^.*>\s]{1,200}$/);
  });

  async function refusal(log: ScratchNatsLog, options: Parameters<ScratchNatsLog['open']>[0] = {}) {
    try {
      await (await log.open(options))[Symbol.asyncDispose]();
    } catch (error) {
      return error as BanyanError;
    }
    return assert.fail('opened');
  }

  type Streams = Awaited<ReturnType<typeof jetstreamManager>>['streams'];

  async function withStreams<T>(_: ScratchNatsLog, work: (streams: Streams) => Promise<T>): Promise<T> {
    const connection = await connect({ servers: nats.server.address });
    try {
      return await work((await jetstreamManager(connection)).streams);
    } finally {
      await connection.close();
    }
  }

  function madeStream(log: ScratchNatsLog, settings: Partial<StreamConfig>): Promise<StreamConfig> {
    const { name, stored } = new LogNames(log.name);
    return withStreams(log, async (streams) => {
      const { config } = await streams.add({ ...streamSettings(name, stored, 1), ...settings });
      return config;
    });
  }

  function streamConfig(log: ScratchNatsLog): Promise<StreamConfig> {
    return withStreams(log, async (streams) => (await streams.info(log.name)).config);
  }
});

natsLane(
  'a NATS server that is too old',
  (nats) => {
    test('a server that ignores expectations in silence is refused with its version, before anything is made', async () => {
      await using log = nats.newLog();
      await assert.rejects(log.open({ trustServers: true }), (error: BanyanError) => {
        assert.equal(error.code, 'LOG_UNSAFE');
        assert.match(error.message, /server n1 has version 2\.\d+\./);
        assert.match(error.why ?? '', /ignore the headers/);
        assert.match(error.remedy, /2\.12\.0 or later/);
        return true;
      });
      const connection = await connect({ servers: nats.server.address });
      const { streams } = await jetstreamManager(connection);
      assert.deepEqual(await streams.names().next(), []);
      await connection.close();
    });

    test('its disregard is found out by trying, whatever its version says', async () => {
      const { server } = nats;
      const names = new LogNames('tried');
      const admin = await connect({ servers: server.address });
      const { streams } = await jetstreamManager(admin);
      await streams.add({ name: names.name, subjects: names.stored });
      await admin.close();
      const connection = await LogConnection.open(names.name, { servers: [server.address] });
      await assert.rejects(proveComparison(connection, names), { code: 'LOG_UNSAFE' });
      await connection.close();
    });
  },
  // It does not know the setting `always`.
  { program: 'nats-server-old', jetstream: 'max_file: 100MB' },
);

function textOf(found: readonly { readonly what: string; readonly remedy: string }[]): string {
  return found
    .map(({ what, remedy }) => `${what}: ${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}`)
    .join('; ');
}
