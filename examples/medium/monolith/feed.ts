// GET /api/feed: the newest stories, a page at a time.
import type { Pool } from 'pg';
import { CARD_COLUMNS, CARD_TABLES, type CardRow, IS_LIVE, NEWEST_FIRST, toCard } from './card.ts';
import { limitParameter } from './field.ts';
import { decodeFeedCursor, encodeFeedCursor } from './page-cursor.ts';
import type { ApiRequest, Reply, Route } from './router.ts';

export function feedRoutes(pool: Pool): readonly Route[] {
  return [{ method: 'GET', pattern: '/api/feed', handle: (request) => getFeed(pool, request) }];
}

async function getFeed(pool: Pool, request: ApiRequest): Promise<Reply> {
  const limit = limitParameter(request);
  const after = decodeFeedCursor(request.query.get('cursor'));
  const { rows } = await pool.query<CardRow>(
    `select ${CARD_COLUMNS} from ${CARD_TABLES}
     where ${IS_LIVE} and ($1::timestamptz is null or (p.published_at, p.id) < ($1, $2::bigint))
     order by ${NEWEST_FIRST} limit $3`,
    [after?.publishedAt ?? null, after?.id ?? null, limit + 1],
  );
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor =
    rows.length > limit && last?.published_at
      ? encodeFeedCursor({ publishedAt: last.published_at, id: last.id })
      : null;
  return { status: 200, body: { posts: shown.map(toCard), nextCursor } };
}
