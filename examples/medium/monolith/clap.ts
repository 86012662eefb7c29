// Claps: up to fifty from each member for each story, and who gave them.
import type { Pool } from 'pg';
import { notFound } from './api-error.ts';
import { inTransaction, type Queryable } from './database.ts';
import { idParameter, integerField, limitParameter, requireMember } from './field.ts';
import { decodeClapperCursor, encodeClapperCursor } from './page-cursor.ts';
import type { ApiRequest, Reply, Route } from './router.ts';

export function clapRoutes(pool: Pool): readonly Route[] {
  return [
    { method: 'POST', pattern: '/api/posts/:id/claps', handle: (request) => clap(pool, request) },
    { method: 'GET', pattern: '/api/posts/:id/claps', handle: (request) => getClaps(pool, request) },
    { method: 'GET', pattern: '/api/posts/:id/clappers', handle: (request) => getClappers(pool, request) },
  ];
}

const MAX_CLAPS = 50;

async function clap(pool: Pool, request: ApiRequest): Promise<Reply> {
  const member = requireMember(request);
  const postId = idParameter(request, 'story');
  const count = integerField(await request.body(), 'count', 1, MAX_CLAPS);
  const claps = await inTransaction(pool, async (client) => {
    await readClaps(client, postId, member.id);
    await client.query(
      `insert into claps (post_id, member_id, count) values ($1, $2, $3)
       on conflict (post_id, member_id)
       do update set count = least(${MAX_CLAPS}, claps.count + excluded.count), updated_at = now()`,
      [postId, member.id, count],
    );
    return await readClaps(client, postId, member.id);
  });
  return { status: 200, body: { postId, memberClaps: claps.reader, totalClaps: claps.total } };
}

async function getClaps(pool: Pool, request: ApiRequest): Promise<Reply> {
  const postId = idParameter(request, 'story');
  const claps = await readClaps(pool, postId, request.reader?.id ?? null);
  return { status: 200, body: { postId, totalClaps: claps.total, readerClaps: claps.reader } };
}

/** Total and own claps of a live story; any other story is not found. */
async function readClaps(db: Queryable, postId: string, readerId: string | null) {
  const { rows } = await db.query<{ total: number; reader: number }>(
    `select
       coalesce((select sum(c.count) from claps c where c.post_id = p.id), 0)::int as total,
       coalesce((select c.count from claps c where c.post_id = p.id and c.member_id = $2), 0)::int as reader
     from posts p where p.id = $1 and p.status = 'published' and p.deleted_at is null`,
    [postId, readerId],
  );
  const claps = rows[0];
  if (!claps) throw notFound('story');
  return claps;
}

interface ClapperRow {
  readonly id: string;
  readonly handle: string;
  readonly name: string;
  readonly avatar: string | null;
  readonly count: number;
}

async function getClappers(pool: Pool, request: ApiRequest): Promise<Reply> {
  const postId = idParameter(request, 'story');
  const limit = limitParameter(request);
  const after = decodeClapperCursor(request.query.get('cursor'));
  const { total } = await readClaps(pool, postId, null);
  const { rows } = await pool.query<ClapperRow>(
    `select m.id, m.handle, m.name, m.avatar, c.count
     from claps c join members m on m.id = c.member_id
     where c.post_id = $1
       and ($2::int is null or c.count < $2 or (c.count = $2 and c.member_id > $3::bigint))
     order by c.count desc, c.member_id limit $4`,
    [postId, after?.count ?? null, after?.memberId ?? null, limit + 1],
  );
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor =
    rows.length > limit && last ? encodeClapperCursor({ count: last.count, memberId: last.id }) : null;
  const clappers = shown.map(({ id, handle, name, avatar, count }) => ({
    member: { id, handle, name, avatar },
    count,
  }));
  return { status: 200, body: { clappers, totalClaps: total, nextCursor } };
}
