// A writer drafts, edits, publishes and deletes stories and changes its name; after each it reads back what it wrote.
import { makeBody, makeSentence, makeTitle } from '../monolith/seed/prose.ts';
import type { Random } from '../monolith/seed/random.ts';
import type { Account } from './account.ts';
import { listAt, textAt } from './json-path.ts';
import type { Answer, Session } from './session.ts';

interface OwnPost {
  readonly id: string;
  readonly slug: string;
}

/** What a writer knows of its own; a story whose last change failed is left alone, its state being unknown. */
export interface Desk {
  readonly account: Account;
  readonly drafts: OwnPost[];
  readonly published: OwnPost[];
  changes: number;
}

/** `deleted` is told a story's id before it is deleted, so that nobody else misses it. */
export async function visitAsWriter(
  session: Session,
  random: Random,
  desk: Desk,
  deleted: Set<string>,
): Promise<void> {
  desk.changes += 1;
  await session.query('/api/feed?limit=10');
  const what = random.next();
  if (what < 0.35) await createDraft(session, random, desk);
  else if (what < 0.6) await publish(session, random, desk);
  else if (what < 0.82) await edit(session, random, desk);
  else if (what < 0.92) await rename(session, desk);
  else await remove(session, random, desk, deleted);
}

async function createDraft(session: Session, random: Random, desk: Desk): Promise<void> {
  const answer = await session.command('POST', '/api/posts', {
    title: makeTitle(random),
    subtitle: makeSentence(random),
    body: makeBody(random),
    thumbnail: `gradient:${random.integer(1_000_000)}`,
  });
  const post = postOf(answer);
  if (answer?.status !== 201 || !post) return;
  desk.drafts.push(post);
  const drafts = await session.query('/api/me/drafts');
  const isListed = (json: unknown) => listAt(json, 'posts').some((draft) => textAt(draft, 'id') === post.id);
  session.check('readYourWrites', drafts, ({ json }) => isListed(json), {
    expected: `the new draft ${post.id} among the drafts`,
    found: (json) => listAt(json, 'posts').map((draft) => textAt(draft, 'id')),
  });
}

async function publish(session: Session, random: Random, desk: Desk): Promise<void> {
  const post = takeAny(desk.drafts, random);
  if (!post) return await createDraft(session, random, desk);
  const answer = await session.command('POST', `/api/posts/${post.id}/publish`);
  if (answer?.status !== 200) return;
  desk.published.push(post);
  const story = await session.query(`/api/posts/${post.slug}`);
  session.check('readYourWrites', story, ({ json }) => textAt(json, 'status') === 'published', {
    expected: 'status published',
    found: (json) => textAt(json, 'status'),
  });
  await checkOwnProfile(session, desk, post, true);
}

async function edit(session: Session, random: Random, desk: Desk): Promise<void> {
  const own = random.chance(0.7) ? desk.published : desk.drafts;
  const post = takeAny(own, random);
  if (!post) return await createDraft(session, random, desk);
  const title = `${makeTitle(random)}, Revised ${desk.changes} Times`;
  const isLong = random.chance(0.4);
  const answer = await session.command('PUT', `/api/posts/${post.id}`, {
    title,
    ...(isLong && { body: makeBody(random) }),
  });
  if (answer?.status !== 200) return;
  own.push(post);
  const story = await session.query(`/api/posts/${post.slug}`);
  session.check('readYourWrites', story, ({ json }) => textAt(json, 'title') === title, {
    expected: `title ${JSON.stringify(title)}`,
    found: (json) => textAt(json, 'title'),
  });
}

async function remove(session: Session, random: Random, desk: Desk, deleted: Set<string>): Promise<void> {
  const post = takeAny(desk.published, random);
  if (!post) return await createDraft(session, random, desk);
  deleted.add(post.id);
  const answer = await session.command('DELETE', `/api/posts/${post.id}`);
  if (answer?.status !== 204) return;
  const story = await session.query(`/api/posts/${post.slug}`);
  session.check('readYourWrites', story, ({ status }) => status === 404, {
    expected: '404 for a deleted story',
    found: (json) => textAt(json, 'title'),
  });
  await checkOwnProfile(session, desk, post, false);
}

async function rename(session: Session, desk: Desk): Promise<void> {
  const [first = 'A', ...rest] = desk.account.name.split(' ');
  const initial = String.fromCharCode(65 + (desk.changes % 26));
  const name = [first, `${initial}.`, ...rest].join(' ');
  const answer = await session.command('PUT', '/api/me', { name });
  if (answer?.status !== 200) return;
  for (const path of ['/api/me', `/api/members/${desk.account.handle}`]) {
    const seen = await session.query(path);
    session.check('readYourWrites', seen, ({ json }) => textAt(json, 'name') === name, {
      expected: `name ${name}`,
      found: (json) => textAt(json, 'name'),
    });
  }
}

async function checkOwnProfile(
  session: Session,
  desk: Desk,
  post: OwnPost,
  isExpected: boolean,
): Promise<void> {
  const profile = await session.query(`/api/members/${desk.account.handle}`);
  const slugs = (json: unknown) => listAt(json, 'stories').map((story) => textAt(story, 'slug'));
  const isKept = ({ status, json }: Answer) =>
    status === 200 && slugs(json).includes(post.slug) === isExpected;
  session.check('readYourWrites', profile, isKept, {
    expected: `${post.slug} ${isExpected ? 'among' : 'not among'} the stories of the profile`,
    found: slugs,
  });
}

function postOf(answer: Answer | null): OwnPost | undefined {
  const id = textAt(answer?.json, 'id');
  const slug = textAt(answer?.json, 'slug');
  return id !== undefined && slug !== undefined ? { id, slug } : undefined;
}

/** Takes one out of the list; the caller puts it back once its change has succeeded. */
function takeAny(posts: OwnPost[], random: Random): OwnPost | undefined {
  return posts.splice(random.integer(posts.length), 1)[0];
}
