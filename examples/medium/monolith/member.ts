// Members: public profiles, and one's own.
import type { Pool } from 'pg';
import { notFound, unauthorized } from './api-error.ts';
import { CARD_COLUMNS, CARD_TABLES, type CardRow, IS_LIVE, NEWEST_FIRST, toCard } from './card.ts';
import { pictureField, requireMember, textField } from './field.ts';
import type { ApiRequest, Reply, Route } from './router.ts';

export function memberRoutes(pool: Pool): readonly Route[] {
  return [
    { method: 'GET', pattern: '/api/members/:handle', handle: (request) => getProfile(pool, request) },
    { method: 'GET', pattern: '/api/me', handle: (request) => getMe(pool, request) },
    { method: 'PUT', pattern: '/api/me', handle: (request) => editMe(pool, request) },
  ];
}

interface MemberRow {
  readonly id: string;
  readonly handle: string;
  readonly email: string;
  readonly name: string;
  readonly bio: string;
  readonly avatar: string | null;
  readonly created_at: Date;
}

const MEMBER_COLUMNS = 'id, handle, email, name, bio, avatar, created_at';

async function getProfile(pool: Pool, request: ApiRequest): Promise<Reply> {
  const { rows } = await pool.query<MemberRow>(`select ${MEMBER_COLUMNS} from members where handle = $1`, [
    request.params.handle,
  ]);
  if (!rows[0]) throw notFound('member');
  return { status: 200, body: await profile(pool, rows[0]) };
}

async function getMe(pool: Pool, request: ApiRequest): Promise<Reply> {
  const { id } = requireMember(request);
  const { rows } = await pool.query<MemberRow>(`select ${MEMBER_COLUMNS} from members where id = $1`, [id]);
  if (!rows[0]) throw unauthorized('member_unknown', 'The token names no member.');
  return { status: 200, body: { ...(await profile(pool, rows[0])), email: rows[0].email } };
}

async function editMe(pool: Pool, request: ApiRequest): Promise<Reply> {
  const { id } = requireMember(request);
  const body = await request.body();
  const changes = {
    ...('name' in body && { name: textField(body, 'name', { min: 1, max: 80 }) }),
    ...('bio' in body && { bio: textField(body, 'bio', { max: 500 }) }),
    ...('avatar' in body && { avatar: pictureField(body, 'avatar') }),
  };
  const assignments = Object.keys(changes).map((column, at) => `${column} = $${at + 2}`);
  await pool.query(`update members set ${[...assignments, 'updated_at = now()'].join(', ')} where id = $1`, [
    id,
    ...Object.values(changes),
  ]);
  return await getMe(pool, request);
}

/** What everyone sees of a member: their newest fifty stories, and the claps for all of them. */
async function profile(pool: Pool, member: MemberRow) {
  const [stories, totalClaps] = await Promise.all([
    pool.query<CardRow>(
      `select ${CARD_COLUMNS} from ${CARD_TABLES}
       where p.author_id = $1 and ${IS_LIVE} order by ${NEWEST_FIRST} limit 50`,
      [member.id],
    ),
    pool.query<{ total: number }>(
      `select coalesce(sum(c.count), 0)::int as total
       from posts p join claps c on c.post_id = p.id where p.author_id = $1 and ${IS_LIVE}`,
      [member.id],
    ),
  ]);
  return {
    id: member.id,
    handle: member.handle,
    name: member.name,
    bio: member.bio,
    avatar: member.avatar,
    joinedAt: member.created_at.toISOString(),
    totalClaps: totalClaps.rows[0]?.total ?? 0,
    stories: stories.rows.map(toCard).map(({ author: _, publication, claps, ...story }) => ({
      ...story,
      claps,
      publication,
    })),
  };
}
