// A story's card: what the feed, a publication and the story itself show of it. One SQL select, one JSON shape.

export interface CardRow {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  readonly subtitle: string;
  readonly thumbnail: string | null;
  readonly published_at: Date | null;
  readonly author_id: string;
  readonly author_handle: string;
  readonly author_name: string;
  readonly author_avatar: string | null;
  readonly publication_id: string | null;
  readonly publication_slug: string | null;
  readonly publication_name: string | null;
  readonly claps: number;
}

/** Columns for `CardRow`, where `p` is the post, `a` its author and `b` its publication. */
export const CARD_COLUMNS = `p.id, p.slug, p.title, p.subtitle, p.thumbnail, p.published_at,
  a.id as author_id, a.handle as author_handle, a.name as author_name, a.avatar as author_avatar,
  b.id as publication_id, b.slug as publication_slug, b.name as publication_name,
  coalesce((select sum(c.count) from claps c where c.post_id = p.id), 0)::int as claps`;

export const CARD_TABLES = `posts p
  join members a on a.id = p.author_id
  left join publications b on b.id = p.publication_id`;

/** Published and not deleted: what everyone may see. */
export const IS_LIVE = `p.status = 'published' and p.deleted_at is null`;

export const NEWEST_FIRST = 'p.published_at desc, p.id desc';

export function toCard(row: CardRow) {
  return {
    id: row.id,
    slug: row.slug,
    title: row.title,
    subtitle: row.subtitle,
    thumbnail: row.thumbnail,
    publishedAt: row.published_at?.toISOString() ?? null,
    author: {
      id: row.author_id,
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
  return { id: row.publication_id, slug: row.publication_slug, name: row.publication_name };
}

export type Card = ReturnType<typeof toCard>;
