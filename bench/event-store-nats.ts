// The event log in NATS, synced before it is acknowledged, on one server and on three: appends beside bare publishes of the same
// bytes that expect nothing, and replay beside the client's own ordered consumer.
import { type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection, nuid } from '@nats-io/transport-node';
import type { EventStore } from '../src/event-store/event-store.ts';
import { openNatsEventStore } from '../src/event-store/nats/nats-event-store.ts';
import { streamSettings } from '../src/event-store/nats/safe-settings.ts';
import { NatsServer, natsServerMissing, startNatsCluster } from '../src/testing/nats-server.ts';
import type { Bench } from './support/bench.ts';
import { besidePeer, type Figure } from './support/figure.ts';
import { writesOf } from './support/written-posts.ts';

const RUN_MS = 500;
const REPLAY_EVENTS = 50_000;
const PAGE = 1000;
const APPEND_EVENTS = 500;

export async function run(bench: Bench): Promise<void> {
  const reason = natsServerMissing();
  if (reason !== undefined) {
    console.error(`skipped: ${reason}`);
    return;
  }
  const one = await NatsServer.start({ folder: bench.newPath('one'), name: 'n1' });
  bench.held.defer(() => one.kill());
  await onServers(bench, 'on one NATS server', [one]);
  await one.kill();
  const three = await startNatsCluster(bench.newPath('three'));
  bench.held.defer(async () => void (await Promise.all(three.map((server) => server.kill()))));
  await onServers(bench, 'on three NATS servers', three);
}

async function onServers(
  { report, held }: Bench,
  where: string,
  servers: readonly NatsServer[],
): Promise<void> {
  const addresses = servers.map(({ address }) => address);
  const options = {
    servers: addresses,
    monitors: servers.map(({ monitor }) => monitor),
    replicas: servers.length,
  };
  const store = held.use(await openNatsEventStore({ ...options, name: 'log' }));
  const nats = await connect({ servers: addresses });
  held.defer(() => nats.close());
  const { streams } = await jetstreamManager(nats);
  await streams.add(streamSettings('bare', ['bare.>'], servers.length));
  const client = jetstream(nats);
  for (const [eventsEach, count] of [
    [1, 1],
    [1, 32],
    [100, 1],
  ] as const) {
    const figure = await besidePeer(
      {
        name: `durable append ${where}, ${eventsEach} event${eventsEach === 1 ? '' : 's'} each, ${count} at a time`,
        unit: 'events/s',
        peer:
          eventsEach === 1
            ? 'publish of the same bytes that expects nothing'
            : 'atomic batch of the same bytes that expects nothing',
      },
      () => eventRate(eventsEach, count, () => store.append(writesOf(eventsEach))),
      () => eventRate(eventsEach, count, () => publishBare(nats, client, eventsEach)),
    );
    report(figure);
  }
  await using replayed = await openNatsEventStore({ ...options, name: 'replay' });
  report(await replayFigure(where, replayed, client));
}

async function eventRate(eventsEach: number, count: number, work: () => Promise<unknown>): Promise<number> {
  let events = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: count }, async () => {
      while (performance.now() - start < RUN_MS) {
        await work();
        events += eventsEach;
      }
    }),
  );
  return (events / (performance.now() - start)) * 1000;
}

async function publishBare(nats: NatsConnection, client: JetStreamClient, events: number): Promise<void> {
  const payloads = writesOf(events).map(({ events: [event] }) => JSON.stringify(event));
  if (events === 1) {
    await client.publish('bare.one', payloads[0]!);
    return;
  }
  const id = nuid.next();
  for (const [index, payload] of payloads.entries()) {
    const header = headers();
    header.set('Nats-Batch-Id', id);
    header.set('Nats-Batch-Sequence', String(index + 1));
    if (index < events - 1) nats.publish(`bare.${index}`, payload, { headers: header });
    else {
      header.set('Nats-Batch-Commit', '1');
      const answer = await nats.request(`bare.${index}`, payload, { headers: header, timeout: 5_000 });
      if (answer.string().includes('"error"')) throw new Error(answer.string());
    }
  }
}

async function replayFigure(where: string, store: EventStore, client: JetStreamClient): Promise<Figure> {
  for (let filled = 0; filled < REPLAY_EVENTS; filled += APPEND_EVENTS)
    await store.append(writesOf(APPEND_EVENTS));
  return await besidePeer(
    {
      name: `replay ${where}`,
      unit: 'events/s',
      peer: "the client's ordered consumer, JSON.parse",
    },
    () => rateOf(() => readAll(store)),
    () => rateOf(() => consumeAll(client)),
  );
}

async function readAll(store: EventStore): Promise<number> {
  let events = 0;
  for await (const batch of store.readLog({ after: 0, batchSize: PAGE })) events += batch.events.length;
  return events;
}

/** The least that could be called reading the log: its messages, parsed, nothing made of them. */
async function consumeAll(client: JetStreamClient): Promise<number> {
  const consumer = await client.consumers.get('replay');
  const messages = await consumer.consume({ max_messages: PAGE * 4 });
  let events = 0;
  for await (const message of messages) {
    message.json();
    events += 1;
    if (message.info.pending === 0) break;
  }
  return events;
}

async function rateOf(work: () => Promise<number>): Promise<number> {
  const start = performance.now();
  return ((await work()) / (performance.now() - start)) * 1000;
}
