// Publications: a name under which members gather stories.
import type { Pool } from 'pg';
import { notFound } from './api-error.ts';
import { CARD_COLUMNS, CARD_TABLES, type CardRow, IS_LIVE, NEWEST_FIRST, toCard } from './card.ts';
import { requireMember, textField } from './field.ts';
import type { ApiRequest, Reply, Route } from './router.ts';
import { slugify } from './slug.ts';

export function publicationRoutes(pool: Pool): readonly Route[] {
  return [
    { method: 'GET', pattern: '/api/publications', handle: () => listPublications(pool) },
    {
      method: 'GET',
      pattern: '/api/publications/:slug',
      handle: async (request) => ({
        status: 200,
        body: await findPublication(pool, request.params.slug ?? ''),
      }),
    },
    { method: 'POST', pattern: '/api/publications', handle: (request) => createPublication(pool, request) },
  ];
}

interface PublicationRow {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly tagline: string;
  readonly created_at: Date;
  readonly owner_id: string;
  readonly owner_handle: string;
  readonly owner_name: string;
  readonly owner_avatar: string | null;
}

const PUBLICATION_SELECT = `select b.id, b.slug, b.name, b.tagline, b.created_at,
    o.id as owner_id, o.handle as owner_handle, o.name as owner_name, o.avatar as owner_avatar
  from publications b join members o on o.id = b.owner_id`;

async function listPublications(pool: Pool): Promise<Reply> {
  const { rows } = await pool.query<PublicationRow>(
    `${PUBLICATION_SELECT} order by b.name collate "C", b.id`,
  );
  return { status: 200, body: { publications: rows.map(toPublication) } };
}

async function createPublication(pool: Pool, request: ApiRequest): Promise<Reply> {
  const member = requireMember(request);
  const body = await request.body();
  const name = textField(body, 'name', { min: 1, max: 80 });
  const tagline = 'tagline' in body ? textField(body, 'tagline', { max: 200 }) : '';
  const { rows } = await pool.query<{ slug: string }>(
    `insert into publications (slug, name, tagline, owner_id) values ($1, $2, $3, $4) returning slug`,
    [slugify(name, 'publication'), name, tagline, member.id],
  );
  return { status: 201, body: await findPublication(pool, rows[0]!.slug) };
}

/** The publication with its newest fifty stories, and the claps for all of them. */
async function findPublication(pool: Pool, slug: string) {
  const found = await pool.query<PublicationRow>(`${PUBLICATION_SELECT} where b.slug = $1`, [slug]);
  const publication = found.rows[0];
  if (!publication) throw notFound('publication');
  const [stories, totalClaps] = await Promise.all([
    pool.query<CardRow>(
      `select ${CARD_COLUMNS} from ${CARD_TABLES}
       where p.publication_id = $1 and ${IS_LIVE} order by ${NEWEST_FIRST} limit 50`,
      [publication.id],
    ),
    pool.query<{ total: number }>(
      `select coalesce(sum(c.count), 0)::int as total
       from posts p join claps c on c.post_id = p.id where p.publication_id = $1 and ${IS_LIVE}`,
      [publication.id],
    ),
  ]);
  return {
    ...toPublication(publication),
    stories: stories.rows.map(toCard),
    totalClaps: totalClaps.rows[0]?.total ?? 0,
  };
}

function toPublication(row: PublicationRow) {
  return {
    id: row.id,
    slug: row.slug,
    name: row.name,
    tagline: row.tagline,
    owner: { id: row.owner_id, handle: row.owner_handle, name: row.owner_name, avatar: row.owner_avatar },
    createdAt: row.created_at.toISOString(),
  };
}
