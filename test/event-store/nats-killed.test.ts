// One NATS server killed and started again amid appends: what it acknowledged is there, whole and once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventStore } from '../../src/event-store/event-store.ts';
import {
  appended,
  eventsOf,
  Follower,
  newEvent,
  times,
  until,
  write,
} from '../../src/testing/contract/event-store/case.ts';
import { natsLane } from './scratch-nats-log.ts';

const KILLS = 6;

natsLane('a NATS server killed amid appends', (nats) => {
  test(`killed ${KILLS} times amid appends, a server loses nothing acknowledged, and none is half done or there twice`, async () => {
    await using log = nats.newLog();
    await using store = await log.open();
    await using watching = await log.open();
    await using follower = new Follower(watching);
    const acknowledged: string[] = [];
    let isPouring = true;
    const pour = Promise.all(
      times(4, async (writer) => {
        for (let number = 1; isPouring; number += 1) {
          const append = `${writer}/${number}`;
          await appended(pourAppend(store, append, number));
          acknowledged.push(append);
        }
      }),
    );
    for (let kill = 0; kill < KILLS; kill += 1) {
      const enough = acknowledged.length + 20 + kill * 7;
      await until('more appends', () => acknowledged.length >= enough);
      await nats.server.kill();
      await nats.server.start();
    }
    isPouring = false;
    await pour;
    const events = await eventsOf(store);
    assertWhole(events, acknowledged);
    await follower.hasReached(events.at(-1)!.position);
    assert.deepEqual(follower.events, events);
  });
});

/** Three events over two streams; every second append has a key. */
function pourAppend(store: EventStore, append: string, number: number): ReturnType<EventStore['append']> {
  const event = (): ReturnType<typeof newEvent> => newEvent('Poured', { append });
  const writes = [write(`post-${number % 5}`, 'any', [event(), event()]), write('log-1', 'any', [event()])];
  return store.append(writes, number % 2 === 0 ? { idempotencyKey: append } : {});
}

function assertWhole(events: Awaited<ReturnType<typeof eventsOf>>, acknowledged: readonly string[]): void {
  const counts = new Map<string, number>();
  const versions = new Map<string, number>();
  for (const { stream, version, data } of events) {
    assert.equal(version, (versions.get(stream) ?? 0) + 1);
    versions.set(stream, version);
    const { append } = data as { append: string };
    counts.set(append, (counts.get(append) ?? 0) + 1);
  }
  assert.deepEqual(
    [...counts].filter(([, count]) => count !== 3),
    [],
    'half an append, or one twice',
  );
  assert.deepEqual([...counts.keys()].sort(), [...acknowledged].sort());
}
