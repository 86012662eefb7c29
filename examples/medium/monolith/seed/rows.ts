// The rows of the seeded database, made from a seed number alone: the same on every machine, on every day.

import { slugify } from '../slug.ts';
import { capitalize, makeBody, makeSentence, makeTitle } from './prose.ts';
import { createRandom, type Random, zipfPicker } from './random.ts';
import { ADJECTIVES, FIRST_NAMES, LAST_NAMES, NOUNS } from './words.ts';

export interface SeedCounts {
  readonly members: number;
  readonly publications: number;
  readonly posts: number;
  readonly claps: number;
}

/** At scale 1: 2,000 members, 50 publications, 5,000 posts, 100,000 rows of claps. */
export function seedCounts(scale: number): SeedCounts {
  const members = Math.max(10, Math.round(2_000 * scale));
  const posts = Math.max(20, Math.round(5_000 * scale));
  return {
    members,
    publications: Math.max(2, Math.round(50 * scale)),
    posts,
    // A small world has too few pairs of story and member to fill in proportion.
    claps: Math.min(Math.round(100_000 * scale), Math.floor(members * posts * 0.25)),
  };
}

const DAY_MS = 86_400_000;
const JOINED_FROM_MS = Date.UTC(2016, 2, 1);
const WRITTEN_FROM_MS = Date.UTC(2020, 0, 6);
const WRITTEN_UNTIL_MS = Date.UTC(2025, 4, 30);

export interface MemberSeed {
  readonly handle: string;
  readonly email: string;
  readonly name: string;
  readonly bio: string;
  readonly avatar: string;
  readonly createdAt: Date;
}

/** Name and address of the member with this number (1 is the first), without generating the others. */
export function memberIdentity(id: number): Pick<MemberSeed, 'handle' | 'email' | 'name'> {
  const at = id - 1;
  const first = FIRST_NAMES[at % FIRST_NAMES.length]!;
  const last = LAST_NAMES[(Math.floor(at / FIRST_NAMES.length) + at * 17) % LAST_NAMES.length]!;
  const round = Math.floor(at / (FIRST_NAMES.length * LAST_NAMES.length));
  const handle = `${first}_${last}${round === 0 ? '' : round + 1}`.toLowerCase();
  return { handle, email: `${handle}@example.com`, name: `${first} ${last}` };
}

export function makeMembers(seed: number, count: number): MemberSeed[] {
  const random = createRandom(seed);
  const stepMs = (WRITTEN_FROM_MS - JOINED_FROM_MS) / count;
  return Array.from({ length: count }, (_, at) => {
    const identity = memberIdentity(at + 1);
    return {
      ...identity,
      bio: random.chance(0.8) ? makeSentence(random) : '',
      avatar: `gradient:${identity.handle}`,
      createdAt: new Date(JOINED_FROM_MS + Math.floor((at + random.next()) * stepMs)),
    };
  });
}

export interface PublicationSeed {
  readonly slug: string;
  readonly name: string;
  readonly tagline: string;
  readonly ownerId: number;
  readonly createdAt: Date;
}

export function makePublications(seed: number, counts: SeedCounts): PublicationSeed[] {
  const random = createRandom(seed + 1);
  return Array.from({ length: counts.publications }, (_, at) => {
    const noun = NOUNS[(at * 7) % NOUNS.length]!;
    const round = Math.floor(at / NOUNS.length);
    const name = `The ${capitalize(random.pick(ADJECTIVES))} ${capitalize(noun)}${round === 0 ? '' : ` ${round + 1}`}`;
    return {
      slug: `${slugify(name, 'publication')}-${at + 1}`,
      name,
      tagline: makeSentence(random),
      ownerId: 1 + random.integer(counts.members),
      createdAt: new Date(WRITTEN_FROM_MS - (at + 1) * DAY_MS),
    };
  });
}

export interface PostSeed {
  readonly slug: string;
  readonly title: string;
  readonly subtitle: string;
  readonly body: string;
  readonly thumbnail: string | null;
  readonly status: 'draft' | 'published';
  readonly authorId: number;
  readonly publicationId: number | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly publishedAt: Date | null;
  readonly deletedAt: Date | null;
}

/** Posts in the order of their ids, one at a time: bodies are large. */
export function* makePosts(seed: number, counts: SeedCounts): Generator<PostSeed> {
  const random = createRandom(seed + 2);
  const pickAuthor = zipfPicker(numbersUpTo(counts.members), 0.9, random);
  const pickPublication = zipfPicker(numbersUpTo(counts.publications), 0.8, random);
  const stepMs = (WRITTEN_UNTIL_MS - WRITTEN_FROM_MS) / counts.posts;
  for (let id = 1; id <= counts.posts; id++) {
    const title = makeTitle(random);
    const createdMs = WRITTEN_FROM_MS + Math.floor((id - random.next()) * stepMs);
    const times = makeTimes(random, createdMs);
    yield {
      slug: `${slugify(title, 'story')}-${id.toString(16)}`,
      title,
      subtitle: random.chance(0.85) ? makeSentence(random) : '',
      body: makeBody(random),
      thumbnail: random.chance(0.8) ? `gradient:post-${id}` : null,
      status: times.publishedAt === null ? 'draft' : 'published',
      authorId: pickAuthor(),
      publicationId: random.chance(0.45) ? pickPublication() : null,
      ...times,
    };
  }
}

/** About 15 % drafts and 2 % deleted; one published story in five was edited later. */
function makeTimes(random: Random, createdMs: number) {
  const publishedMs = random.chance(0.15) ? null : createdMs + random.integer(DAY_MS);
  const touchedMs = publishedMs ?? createdMs + random.integer(DAY_MS);
  const editedMs = random.chance(0.2) ? touchedMs + random.integer(20 * DAY_MS) : touchedMs;
  const deletedMs = random.chance(0.02) ? editedMs + random.integer(5 * DAY_MS) : null;
  return {
    createdAt: new Date(createdMs),
    updatedAt: new Date(deletedMs ?? editedMs),
    publishedAt: publishedMs === null ? null : new Date(publishedMs),
    deletedAt: deletedMs === null ? null : new Date(deletedMs),
  };
}

export interface ClapSeed {
  readonly postId: number;
  readonly memberId: number;
  readonly count: number;
  readonly updatedAt: Date;
}

/** Distinct pairs of published story and member: a few stories are clapped for by nearly everyone. */
export function makeClaps(
  seed: number,
  counts: SeedCounts,
  published: readonly { readonly id: number; readonly publishedAt: Date }[],
): ClapSeed[] {
  const random = createRandom(seed + 3);
  const pickPost = zipfPicker(published, 0.9, random);
  const pickMember = zipfPicker(numbersUpTo(counts.members), 0.6, random);
  const seen = new Set<number>();
  const claps: ClapSeed[] = [];
  while (claps.length < counts.claps) {
    const post = pickPost();
    const memberId = pickMember();
    const pair = post.id * (counts.members + 1) + memberId;
    if (seen.has(pair)) continue;
    seen.add(pair);
    claps.push({
      postId: post.id,
      memberId,
      count: random.chance(0.06) ? 50 : 1 + Math.floor(random.next() ** 3 * 49),
      updatedAt: new Date(post.publishedAt.getTime() + Math.floor(random.next() ** 2 * 200 * DAY_MS)),
    });
  }
  return claps;
}

function numbersUpTo(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at + 1);
}
