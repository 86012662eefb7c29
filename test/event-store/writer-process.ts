// A process that works on a log until it is done or killed: `node writer-process.ts <work> <log> <name>`. Each line on
// stdout is something the log has acknowledged; it is written at once, so that a kill cannot hold it back.
import assert from 'node:assert/strict';
import { writeSync } from 'node:fs';
import type { EventStore } from '../../src/event-store/event-store.ts';
import { openNatsEventStore } from '../../src/event-store/nats/nats-event-store.ts';
import { openPostgresEventStore } from '../../src/event-store/postgres/postgres-event-store.ts';
import { openSqliteEventStore } from '../../src/event-store/sqlite/sqlite-event-store.ts';
import { newEvent, write } from '../../src/testing/contract/event-store/case.ts';

const [work, target, name] = process.argv.slice(2);
await using store = await openLog(target!);
const say = (line: unknown): number => writeSync(1, `${line}\n`);

/** 60 events into one stream that other processes write too, each at the version it expects. */
async function count(): Promise<void> {
  let expected = 0;
  for (let done = 0; done < 60; ) {
    const event = newEvent('Counted', { name, done });
    const outcome = await store.append([write('counter-1', expected, [event])]);
    assert.ok(outcome.outcome !== 'fenced');
    if (outcome.outcome === 'appended') {
      say(event.id);
      done += 1;
    }
    expected = outcome.outcome === 'appended' ? outcome.versions['counter-1']! : outcome.actual;
  }
}

/** For ever: four writers at a time, each append three events over two streams. */
async function pour(): Promise<void> {
  let number = 0;
  const writer = async (): Promise<void> => {
    for (;;) {
      number += 1;
      const id = `${name}/${number}`;
      const event = (): ReturnType<typeof newEvent> => newEvent('Poured', { append: id });
      const writes = [
        write(`post-${number % 5}`, 'any', [event(), event()]),
        write('log-1', 'any', [event()]),
      ];
      await store.append(writes);
      say(id);
    }
  };
  await Promise.all([writer(), writer(), writer(), writer()]);
}

/** New logs, one after the other, each in the very millisecond in which the other processes open it. */
async function openMany(): Promise<void> {
  const [startAt, logs, everyMs] = name!.split('/').map(Number);
  for (let number = 0; number < logs!; number += 1) {
    while (Date.now() < startAt! + number * everyMs!);
    await using other = await openLog(`${target}-${number}`);
    say(`${number} ${other.identity.id}`);
  }
}

function openLog(at: string): Promise<EventStore> {
  const [url, schema] = at.split('#');
  if (url!.startsWith('nats:')) {
    const { host, searchParams } = new URL(url!);
    const monitors = searchParams.getAll('monitor');
    return openNatsEventStore({ servers: [host], monitors, name: schema!, replicas: 1 });
  }
  return schema === undefined
    ? openSqliteEventStore({ path: at })
    : openPostgresEventStore({ url: url!, schema });
}

if (work === 'count') await count();
if (work === 'pour') await pour();
if (work === 'open') await openMany();
