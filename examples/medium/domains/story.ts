// Stories as three stores keep them: the pieces of posts, authors, publications and claps that a card shows, each in a table
// of its own, so that no order of arrival between them matters. A card is one join inside the store.
import { int, type OutputOf, type TableRow, table, text, type Writer } from 'banyan';
import type { clapEvents, memberEvents, postEvents, publicationEvents } from './events.ts';

export const storyTables = {
  stories: table({
    key: ['id'],
    columns: {
      id: int(),
      slug: text(),
      title: text(),
      subtitle: text(),
      thumbnail: text().nullable(),
      author_id: int(),
      publication_id: int().nullable(),
      published_at: text().nullable(),
      deleted: int(),
      /** `published_at` while everyone may see it: what every listing is ordered by. */
      live_since: text().nullable(),
    },
    indexes: [
      ['live_since', 'id'],
      ['author_id', 'live_since', 'id'],
      ['publication_id', 'live_since', 'id'],
      ['slug'],
    ],
  }),
  people: table({
    key: ['id'],
    columns: { id: int(), handle: text(), name: text(), avatar: text().nullable() },
  }),
  imprints: table({ key: ['id'], columns: { id: int(), slug: text(), name: text() } }),
  applause: table({ key: ['post_id'], columns: { post_id: int(), total: int().defaultsTo(0) } }),
};

type Stories = Writer<(typeof storyTables)['stories']>;
type People = Writer<(typeof storyTables)['people']>;
type Imprints = Writer<(typeof storyTables)['imprints']>;
type Applause = Writer<(typeof storyTables)['applause']>;
type Post<K extends keyof typeof postEvents> = { readonly data: OutputOf<(typeof postEvents)[K]> };
type Member<K extends keyof typeof memberEvents> = { readonly data: OutputOf<(typeof memberEvents)[K]> };
type Imprint<K extends keyof typeof publicationEvents> = {
  readonly data: OutputOf<(typeof publicationEvents)[K]>;
};
type Claps<K extends keyof typeof clapEvents> = { readonly data: OutputOf<(typeof clapEvents)[K]> };

/** How the story tables follow the events of posts. */
export const followPosts = {
  PostDrafted: ({ data }: Post<'PostDrafted'>, { stories }: { stories: Stories }): void =>
    stories.upsert({
      id: Number(data.postId),
      ...shown(data),
      published_at: null,
      deleted: 0,
      live_since: null,
    }),
  PostEdited: ({ data }: Post<'PostEdited'>, { stories }: { stories: Stories }): void =>
    stories.patch({ id: Number(data.postId) }, shown(data)),
  PostPublished: ({ data }: Post<'PostPublished'>, { stories }: { stories: Stories }): Promise<void> =>
    change(stories, data.postId, { published_at: data.publishedAt }),
  PostWithdrawn: ({ data }: Post<'PostWithdrawn'>, { stories }: { stories: Stories }): Promise<void> =>
    change(stories, data.postId, { published_at: null }),
  PostDeleted: ({ data }: Post<'PostDeleted'>, { stories }: { stories: Stories }): Promise<void> =>
    change(stories, data.postId, { deleted: 1 }),
  PostRestored: ({ data }: Post<'PostRestored'>, { stories }: { stories: Stories }): Promise<void> =>
    change(stories, data.postId, { deleted: 0 }),
  PostErased: ({ data }: Post<'PostErased'>, { stories }: { stories: Stories }): void =>
    stories.delete({ id: Number(data.postId) }),
};

export const followPeople = {
  MemberRegistered: ({ data }: Member<'MemberRegistered'>, { people }: { people: People }): void =>
    people.upsert(person(data)),
  ProfileEdited: ({ data }: Member<'ProfileEdited'>, { people }: { people: People }): void =>
    people.upsert(person(data)),
  MemberRemoved: ({ data }: Member<'MemberRemoved'>, { people }: { people: People }): void =>
    people.delete({ id: Number(data.memberId) }),
};

export const followImprints = {
  PublicationFounded: ({ data }: Imprint<'PublicationFounded'>, { imprints }: { imprints: Imprints }): void =>
    imprints.upsert(imprint(data)),
  PublicationEdited: ({ data }: Imprint<'PublicationEdited'>, { imprints }: { imprints: Imprints }): void =>
    imprints.upsert(imprint(data)),
  PublicationClosed: ({ data }: Imprint<'PublicationClosed'>, { imprints }: { imprints: Imprints }): void =>
    imprints.delete({ id: Number(data.publicationId) }),
};

export const followApplause = {
  ClapsGiven: ({ data }: Claps<'ClapsGiven'>, { applause }: { applause: Applause }): void =>
    applause.increment({ post_id: Number(data.postId) }, { total: data.added }),
  /** A story without claps has no row, however it came to have none. */
  ClapsWithdrawn: async (
    { data }: Claps<'ClapsWithdrawn'>,
    { applause }: { applause: Applause },
  ): Promise<void> => {
    const key = { post_id: Number(data.postId) };
    const total = ((await applause.get(key))?.total ?? 0) - data.withdrawn;
    if (total === 0) applause.delete(key);
    else applause.upsert({ ...key, total });
  },
};

/** Everything that a card needs. */
export const followCards = { ...followPosts, ...followPeople, ...followImprints, ...followApplause };

type Story = TableRow<(typeof storyTables)['stories']>;

async function change(
  stories: Stories,
  postId: string,
  columns: Partial<Pick<Story, 'published_at' | 'deleted'>>,
): Promise<void> {
  const story = await stories.get({ id: Number(postId) });
  if (!story) return;
  const next = { ...story, ...columns };
  stories.upsert({ ...next, live_since: next.deleted === 0 ? next.published_at : null });
}

function shown(data: Post<'PostEdited'>['data']) {
  return {
    slug: data.slug,
    title: data.title,
    subtitle: data.subtitle,
    thumbnail: data.thumbnail,
    author_id: Number(data.authorId),
    publication_id: data.publicationId === null ? null : Number(data.publicationId),
  };
}

function person({ memberId, handle, name, avatar }: Member<'ProfileEdited'>['data']) {
  return { id: Number(memberId), handle, name, avatar };
}

function imprint({ publicationId, slug, name }: Imprint<'PublicationEdited'>['data']) {
  return { id: Number(publicationId), slug, name };
}

/** What `CARD_SELECT` gives. */
export const CARD = {
  id: int(),
  slug: text(),
  title: text(),
  subtitle: text(),
  thumbnail: text().nullable(),
  published_at: text().nullable(),
  author_id: int(),
  author_handle: text(),
  author_name: text(),
  author_avatar: text().nullable(),
  publication_id: int().nullable(),
  publication_slug: text().nullable(),
  publication_name: text().nullable(),
  claps: int(),
};

export const CARD_SELECT = `
  select s.id, s.slug, s.title, s.subtitle, s.thumbnail, s.published_at,
         a.id as author_id, a.handle as author_handle, a.name as author_name, a.avatar as author_avatar,
         b.id as publication_id, b.slug as publication_slug, b.name as publication_name, coalesce(c.total, 0) as claps
  from stories s join people a on a.id = s.author_id left join imprints b on b.id = s.publication_id
  left join applause c on c.post_id = s.id`;

export interface CardRow {
  readonly id: number;
  readonly slug: string;
  readonly title: string;
  readonly subtitle: string;
  readonly thumbnail: string | null;
  readonly published_at: string | null;
  readonly author_id: number;
  readonly author_handle: string;
  readonly author_name: string;
  readonly author_avatar: string | null;
  readonly publication_id: number | null;
  readonly publication_slug: string | null;
  readonly publication_name: string | null;
  readonly claps: number;
}

export function toCard(row: CardRow) {
  return {
    id: String(row.id),
    slug: row.slug,
    title: row.title,
    subtitle: row.subtitle,
    thumbnail: row.thumbnail,
    publishedAt: row.published_at,
    author: {
      id: String(row.author_id),
      handle: row.author_handle,
      name: row.author_name,
      avatar: row.author_avatar,
    },
    publication: toPublicationLink(row),
    claps: row.claps,
  };
}

export function toPublicationLink(
  row: Pick<CardRow, 'publication_id' | 'publication_slug' | 'publication_name'>,
) {
  if (row.publication_id === null) return null;
  return { id: String(row.publication_id), slug: row.publication_slug, name: row.publication_name };
}
