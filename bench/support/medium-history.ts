// A log of the example's events: members register, stories are written, and claps go to all stories in turn.
import type { EventStore } from '../../src/event-store/event-store.ts';
import type { NewEvent } from '../../src/kernel/event.ts';
import { uuidv7 } from '../../src/kernel/uuid.ts';

export interface HistorySize {
  readonly members: number;
  readonly posts: number;
  /** Of different members for each post. */
  readonly clapsEach: number;
}

const PAGE = 1_000;
const AT = '2026-11-24T08:00:00.000Z';

export async function appendHistory(log: EventStore, size: HistorySize): Promise<void> {
  const events = [...members(size), ...posts(size), ...claps(size)];
  for (let from = 0; from < events.length; from += PAGE) {
    const page = events.slice(from, from + PAGE);
    await log.append(page.map(([stream, event]) => ({ stream, expected: 'any', events: [event] })));
  }
}

type Told = readonly [stream: string, event: NewEvent];

function* members({ members }: HistorySize): Generator<Told> {
  for (let id = 1; id <= members; id += 1) {
    const name = { handle: `member_${id}`, email: `${id}@example.com`, name: `Member ${id}` };
    const data = { memberId: String(id), ...name, bio: 'Grows trees.', avatar: null, registeredAt: AT };
    yield [`member-${id}`, event('MemberRegistered', data)];
  }
}

function* posts({ members, posts }: HistorySize): Generator<Told> {
  for (let id = 1; id <= posts; id += 1) {
    const postId = String(id);
    const text = {
      title: `Notes on growing, part ${id}`,
      subtitle: 'Roots',
      body: 'Roots grow down. '.repeat(20),
    };
    const authorId = String(1 + (id % members));
    const story = { postId, slug: `story-${id}`, ...text, thumbnail: null, authorId, publicationId: null };
    yield [`post-${id}`, event('PostDrafted', { ...story, editedAt: AT, draftedAt: AT })];
    yield [`post-${id}`, event('PostPublished', { postId, publishedAt: AT, editedAt: AT })];
  }
}

function* claps({ members, posts, clapsEach }: HistorySize): Generator<Told> {
  for (let round = 0; round < clapsEach; round += 1) {
    for (let post = 1; post <= posts; post += 1) {
      const postId = String(post);
      const memberId = String(1 + ((round * 61 + post) % members));
      const count = 1 + ((round + post) % 50);
      yield [`clap-${postId}.${memberId}`, event('ClapsGiven', { postId, memberId, count, added: count })];
    }
  }
}

function event(type: string, data: unknown): NewEvent {
  const source = { name: 'medium', lsn: '16/B374D848', xid: '700000' };
  return { id: uuidv7(), type, time: AT, schemaVersion: 1, data, meta: { origin: 'capture', source } };
}
