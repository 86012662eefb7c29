// The NATS engine on three servers that each hold the log: the contract, and a leader killed amid appends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jetstreamManager, type StreamInfo } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { EventStore } from '../../src/event-store/event-store.ts';
import { errorCode } from '../../src/kernel/error.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import {
  appended,
  eventsOf,
  Follower,
  idsOf,
  newEvent,
  times,
  until,
  write,
} from '../../src/testing/contract/event-store/case.ts';
import { eventStoreContract } from '../../src/testing/contract/event-store.ts';
import type { NatsServer } from '../../src/testing/nats-server.ts';
import { natsLane, type ScratchNats, type ScratchNatsLog } from './scratch-nats-log.ts';

const WRITERS = 16;
const STREAMS = 5;
const BEFORE_KILL = 300;
const AFTER_KILL = 300;
const FAILOVER_TIMEOUT_MS = 40_000;

const lane = (nats: ScratchNats): void => {
  eventStoreContract('nats on three servers', async () => nats.newLog(), {
    persistent: true,
    multiProcess: true,
  });

  test('a leader killed amid appends costs no acknowledged event, and nothing is there twice', async () => {
    await using log = nats.newLog();
    await using store = await log.open({ patienceMs: FAILOVER_TIMEOUT_MS });
    await using following = await log.open({ patienceMs: FAILOVER_TIMEOUT_MS });
    await using follower = new Follower(following);
    await using admin = await administer(nats, log);
    await using writers = new Writers(store);

    await until('appends before the kill', () => writers.acknowledged.size >= BEFORE_KILL);
    const killed = await admin.leader();
    await killed.kill();
    await admin.hasAnotherLeader(killed);
    const atFailover = writers.acknowledged.size;
    await until('appends after the kill', () => writers.acknowledged.size >= atFailover + AFTER_KILL);

    await killed.start();
    await admin.isWhole();
    await writers.end();
    const { position: head } = await store.head();
    const stored = await eventsOf(store);
    assertAllOnce(writers, stored);
    await follower.hasReached(head);
    assert.deepEqual(follower.events, stored);

    // The one that was killed leads: what it tells is its own copy.
    await admin.hasLeader(killed);
    await using again = await log.open({ servers: [killed.address] });
    assert.deepEqual(await eventsOf(again), stored);
    await appended(
      again.append([write('post-0', stored.filter(({ stream }) => stream === 'post-0').length)]),
    );
  });

  test('a leader that stood still and comes back believing it leads costs nothing either', async () => {
    await using log = nats.newLog();
    await using store = await log.open({ patienceMs: FAILOVER_TIMEOUT_MS });
    await using following = await log.open({ patienceMs: FAILOVER_TIMEOUT_MS });
    await using follower = new Follower(following);
    await using admin = await administer(nats, log);
    await using writers = new Writers(store);

    await until('appends before it', () => writers.acknowledged.size >= BEFORE_KILL);
    const frozen = await admin.leader();
    frozen.freeze();
    try {
      await admin.hasAnotherLeader(frozen);
      const atFailover = writers.acknowledged.size;
      await until('appends after it', () => writers.acknowledged.size >= atFailover + AFTER_KILL);
    } finally {
      frozen.thaw();
    }
    await admin.isWhole();
    await writers.end();
    const { position: head } = await store.head();
    const stored = await eventsOf(store);
    assertAllOnce(writers, stored);
    await follower.hasReached(head);
    assert.deepEqual(follower.events, stored);
  });
};

natsLane('the log on three NATS servers', lane, { size: 3 });

/** Each repeats an append whose outcome it was not told, where it has a key. */
class Writers implements AsyncDisposable {
  /** Position by event id. */
  readonly acknowledged = new Map<string, number>();
  /** Ids of events without a key whose outcome was not told. */
  readonly unknown = new Set<string>();
  readonly #ended: Promise<unknown>;
  #isEnding = false;

  constructor(store: EventStore) {
    this.#ended = Promise.all(times(WRITERS, (writer) => this.#write(store, writer)));
    // Awaited at the end; until then a failure is kept, not lost to the process.
    this.#ended.catch(() => undefined);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #write(store: EventStore, writer: number): Promise<void> {
    for (let number = 1; !this.#isEnding; number += 1) {
      const event = newEvent('Poured', { writer, number });
      const writes = [write(`post-${(writer + number) % STREAMS}`, 'any', [event])];
      // Every second one has no key: the engine itself finds out what became of it, or says that it does not know.
      if (number % 2 === 0) {
        const options = { idempotencyKey: `${writer}/${number}` };
        const { position } = await appended(repeated(() => store.append(writes, options)));
        this.acknowledged.set(event.id, position);
      } else {
        const outcome = await known(store.append(writes));
        if (outcome) this.acknowledged.set(event.id, (await appended(Promise.resolve(outcome))).position);
        else this.unknown.add(event.id);
      }
    }
  }
}

async function repeated<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    const result = await known(work());
    if (result !== undefined) return result;
  }
}

/** Undefined when nothing is known of it. */
async function known<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errorCode(error) !== 'LOG_UNREACHABLE') throw error;
    return undefined;
  }
}

function assertAllOnce(
  { acknowledged, unknown }: Writers,
  stored: Awaited<ReturnType<typeof eventsOf>>,
): void {
  const told = stored.filter(({ id }) => !unknown.has(id));
  assert.deepEqual(new Map(told.map(({ id, position }) => [id, position])), byPosition(acknowledged));
  assert.equal(new Set(idsOf(stored)).size, stored.length, 'an event is there twice');
  const versions = new Map<string, number>();
  const numbers = new Map<string, number>();
  for (const { stream, version, data } of stored) {
    assert.equal(version, (versions.get(stream) ?? 0) + 1, `versions of ${stream}`);
    versions.set(stream, version);
    const { writer, number } = data as { writer: number; number: number };
    const ofWriter = `${writer} in ${stream}`;
    assert.ok(number > (numbers.get(ofWriter) ?? 0), `order of writer ${ofWriter}`);
    numbers.set(ofWriter, number);
  }
}

const byPosition = (positions: ReadonlyMap<string, number>): Map<string, number> =>
  new Map([...positions].sort(([, a], [, b]) => a - b));

interface Administration extends AsyncDisposable {
  leader(): Promise<NatsServer>;
  hasAnotherLeader(than: NatsServer): Promise<void>;
  /** Every server has the whole log. */
  isWhole(): Promise<void>;
  hasLeader(server: NatsServer): Promise<void>;
}

async function administer({ servers }: ScratchNats, { name }: ScratchNatsLog): Promise<Administration> {
  const nats = await connect({
    servers: servers.map(({ address }) => address),
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
    pingInterval: 500,
  });
  const { streams } = await jetstreamManager(nats, { checkAPI: false, timeout: 1_000 });
  const cluster = async (): Promise<StreamInfo['cluster']> =>
    (await streams.info(name).catch(() => undefined))?.cluster;
  const leads = async ({ name: server }: NatsServer): Promise<boolean> =>
    (await cluster())?.leader === server;
  const within = async (what: string, condition: () => Promise<boolean>): Promise<void> => {
    const isMet = await waitUntil(condition, { timeoutMs: FAILOVER_TIMEOUT_MS, everyMs: 50 });
    assert.ok(isMet, `never happened: ${what}`);
  };
  return {
    async leader() {
      const leader = (await cluster())?.leader;
      return servers.find((server) => server.name === leader)!;
    },
    hasAnotherLeader: (than) =>
      within('another leader', async () => {
        const leader = (await cluster())?.leader;
        return leader !== undefined && leader !== '' && leader !== than.name;
      }),
    isWhole: () =>
      within('every server has the whole log', async () => {
        const replicas = (await cluster())?.replicas ?? [];
        return replicas.length === 2 && replicas.every(({ current, lag = 0 }) => current && lag === 0);
      }),
    hasLeader: (server) =>
      within(`${server.name} leads`, async () => {
        if (await leads(server)) return true;
        const request = JSON.stringify({ placement: { preferred: server.name } });
        await nats.request(`$JS.API.STREAM.LEADER.STEPDOWN.${name}`, request).catch(() => undefined);
        return leads(server);
      }),
    [Symbol.asyncDispose]: () => nats.close(),
  };
}
