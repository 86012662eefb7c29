// Reading a story, and a member's own drafts.
import type { Pool } from 'pg';
import { notFound } from './api-error.ts';
import { CARD_COLUMNS, CARD_TABLES, type CardRow, toCard, toPublicationLink } from './card.ts';
import type { Queryable } from './database.ts';
import { requireMember } from './field.ts';
import type { ApiRequest, Reply, Route } from './router.ts';

export function postRoutes(pool: Pool): readonly Route[] {
  return [
    { method: 'GET', pattern: '/api/posts/:slug', handle: (request) => getPost(pool, request) },
    { method: 'GET', pattern: '/api/me/drafts', handle: (request) => getDrafts(pool, request) },
  ];
}

interface PostRow extends CardRow {
  readonly body: string;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly status: string;
  readonly reader_claps: number;
}

/** The full story as its reader sees it; drafts exist only for their author. */
export async function findPost(
  db: Queryable,
  by: { readonly id: string } | { readonly slug: string },
  readerId: string | null,
) {
  const [condition, key] = 'id' in by ? ['p.id = $1', by.id] : ['p.slug = $1', by.slug];
  const { rows } = await db.query<PostRow>(
    `select ${CARD_COLUMNS}, p.body, p.created_at, p.updated_at, p.status,
       coalesce((select c.count from claps c where c.post_id = p.id and c.member_id = $2), 0)::int as reader_claps
     from ${CARD_TABLES}
     where ${condition} and p.deleted_at is null and (p.status = 'published' or p.author_id = $2)`,
    [key, readerId],
  );
  const row = rows[0];
  if (!row) throw notFound('story');
  return {
    ...toCard(row),
    body: row.body,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    status: row.status,
    readerClaps: row.reader_claps,
  };
}

export type FullPost = Awaited<ReturnType<typeof findPost>>;

async function getPost(pool: Pool, request: ApiRequest): Promise<Reply> {
  const post = await findPost(pool, { slug: request.params.slug ?? '' }, request.reader?.id ?? null);
  return { status: 200, body: post };
}

interface DraftRow extends CardRow {
  readonly created_at: Date;
  readonly updated_at: Date;
}

async function getDrafts(pool: Pool, request: ApiRequest): Promise<Reply> {
  const { id } = requireMember(request);
  const { rows } = await pool.query<DraftRow>(
    `select p.id, p.slug, p.title, p.subtitle, p.thumbnail, p.created_at, p.updated_at,
       b.id as publication_id, b.slug as publication_slug, b.name as publication_name
     from posts p left join publications b on b.id = p.publication_id
     where p.author_id = $1 and p.status = 'draft' and p.deleted_at is null
     order by p.updated_at desc, p.id desc limit 100`,
    [id],
  );
  const posts = rows.map((row) => ({
    id: row.id,
    slug: row.slug,
    title: row.title,
    subtitle: row.subtitle,
    thumbnail: row.thumbnail,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    publication: toPublicationLink(row),
  }));
  return { status: 200, body: { posts } };
}
