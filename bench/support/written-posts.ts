// Events as capture writes them: rows of many entities, ten to a source transaction.
import type { StreamWrite } from '../../src/event-store/event-store.ts';
import type { NewEvent } from '../../src/kernel/event.ts';
import { uuidv7 } from '../../src/kernel/uuid.ts';

const STREAMS = 20_000;

// Another beginning in each process, so that processes do not write the same streams in step.
let number = process.pid * 9973;

/** One event a write, each in another stream than the one before. */
export function writesOf(events: number): StreamWrite[] {
  return Array.from({ length: events }, () => {
    number += 1;
    const post = (number * 7919) % STREAMS;
    return { stream: `post-${post}`, expected: 'any', events: [postWritten(number, post)] };
  });
}

function postWritten(order: number, post: number): NewEvent {
  return {
    id: uuidv7(),
    type: 'PostWritten',
    time: '2026-11-24T08:00:00.000Z',
    schemaVersion: 1,
    data: {
      id: post,
      title: `Notes on growing, part ${order}`,
      author: { id: post % 977, name: 'Ann Example' },
      body: 'Roots grow down from the branches until they are trunks of their own. '.repeat(2),
      tags: ['trees', 'software'],
      claps: order % 77,
    },
    meta: {
      origin: 'capture',
      source: { name: 'monolith', lsn: '16/B374D848', xid: String(700_000 + Math.floor(order / 10)) },
    },
  };
}
