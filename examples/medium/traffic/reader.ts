// A reader pages through the feed and follows what looks interesting.
import type { Random } from '../monolith/seed/random.ts';
import { listAt, textAt } from './json-path.ts';
import type { Session } from './session.ts';

/** One visit: some pages of the feed, from each a story or two; or a look around the publications. */
export async function visitAsReader(session: Session, random: Random): Promise<void> {
  if (random.chance(0.3)) return browsePublications(session, random);
  let cursor: string | undefined;
  for (let page = 0; page < 1 + random.integer(3); page++) {
    const path: string = cursor === undefined ? '/api/feed?limit=10' : `/api/feed?limit=10&cursor=${cursor}`;
    const feed = await session.query(path);
    const cards = listAt(feed?.json, 'posts');
    if (cards.length === 0) return;
    for (let opened = 0; opened < 1 + random.integer(2); opened++) {
      await openStory(session, random, random.pick(cards));
    }
    cursor = textAt(feed?.json, 'nextCursor');
    if (cursor === undefined) return;
  }
}

async function openStory(session: Session, random: Random, card: unknown): Promise<void> {
  const slug = textAt(card, 'slug');
  if (slug === undefined) return;
  await session.query(`/api/posts/${slug}`);
  const author = textAt(card, 'author', 'handle');
  const publication = textAt(card, 'publication', 'slug');
  if (random.chance(0.35)) await session.query(`/api/posts/${textAt(card, 'id')}/clappers?limit=20`);
  if (random.chance(0.4) && author !== undefined) await session.query(`/api/members/${author}`);
  if (random.chance(0.5) && publication !== undefined) {
    await session.query(`/api/publications/${publication}`);
  }
}

async function browsePublications(session: Session, random: Random): Promise<void> {
  const listed = await session.query('/api/publications');
  const publications = listAt(listed?.json, 'publications');
  for (let opened = 0; opened < Math.min(3, publications.length); opened++) {
    const publication = textAt(random.pick(publications), 'slug');
    if (publication === undefined) return;
    const page = await session.query(`/api/publications/${publication}`);
    const stories = listAt(page?.json, 'posts');
    if (stories.length > 0) await openStory(session, random, random.pick(stories));
  }
}
