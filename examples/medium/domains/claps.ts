// Claps: how many a story has, who gave them, and how many are one's own.
import { defineDomain, int, table, text } from 'banyan';
import { notFound } from '../monolith/api-error.ts';
import { decodeClapperCursor, encodeClapperCursor } from '../monolith/page-cursor.ts';
import { clapEvents, memberEvents, postEvents } from './events.ts';
import { idOf, limitOf } from './listing.ts';
import { medium } from './monolith.ts';
import { withReader } from './session.ts';
import { followApplause, followPeople, followPosts, storyTables } from './story.ts';

const { stories, people, applause } = storyTables;

export const claps = defineDomain({
  name: 'claps',
  source: medium,
  events: clapEvents,
  listensTo: [memberEvents, postEvents],

  capture: {
    claps: {
      stream: (row) => `clap-${row.post_id}.${row.member_id}`,
      insert: (emit, { post_id: postId, member_id: memberId, count }) =>
        emit.ClapsGiven({ postId, memberId, count, added: count }),
      backfill: (emit, { post_id: postId, member_id: memberId, count }) =>
        emit.ClapsGiven({ postId, memberId, count, added: count }),
      update: (emit, { post_id: postId, member_id: memberId, count }, before) => {
        if (count > before.count)
          return emit.ClapsGiven({ postId, memberId, count, added: count - before.count });
        return (
          count < before.count &&
          emit.ClapsWithdrawn({ postId, memberId, count, withdrawn: before.count - count })
        );
      },
      delete: (emit, { post_id: postId, member_id: memberId, count }) =>
        emit.ClapsWithdrawn({ postId, memberId, count: 0, withdrawn: count }),
    },
  },

  projection: {
    version: 1,
    tables: {
      ...{ stories, people, applause },
      clappers: table({
        key: ['post_id', 'member_id'],
        columns: { post_id: int(), member_id: int(), count: int() },
        indexes: [['post_id', 'count', 'member_id']],
      }),
    },
    on: {
      ...followPosts,
      ...followPeople,
      ClapsGiven: (event, tables) => {
        followApplause.ClapsGiven(event, tables);
        const { postId, memberId, count } = event.data;
        tables.clappers.upsert({ post_id: Number(postId), member_id: Number(memberId), count });
      },
      ClapsWithdrawn: async (event, tables) => {
        await followApplause.ClapsWithdrawn(event, tables);
        const { postId, memberId, count } = event.data;
        const key = { post_id: Number(postId), member_id: Number(memberId) };
        if (count > 0) tables.clappers.upsert({ ...key, count });
        else tables.clappers.delete(key);
      },
    },
  },

  queries: {
    'GET /api/posts/:id/claps': withReader(async ({ params, read }, reader) => {
      const postId = idOf(params.id, 'story');
      const story = await read.get('stories', { id: postId });
      if (!story?.live_since) throw notFound('story');
      const total = await read.get('applause', { post_id: postId });
      const own = reader && (await read.get('clappers', { post_id: postId, member_id: Number(reader.id) }));
      return { postId: params.id, totalClaps: total?.total ?? 0, readerClaps: own?.count ?? 0 };
    }),
    'GET /api/posts/:id/clappers': withReader(async ({ params, search, read }) => {
      const postId = idOf(params.id, 'story');
      const limit = limitOf(search);
      const after = decodeClapperCursor(search.get('cursor'));
      const story = await read.get('stories', { id: postId });
      if (!story?.live_since) throw notFound('story');
      const total = await read.get('applause', { post_id: postId });
      const rows = await read.all(
        `select m.id, m.handle, m.name, m.avatar, c.count from clappers c join people m on m.id = c.member_id
         where c.post_id = $1 ${after ? 'and (c.count < $3 or (c.count = $3 and c.member_id > $4))' : ''}
         order by c.count desc, c.member_id limit $2`,
        after ? [postId, limit + 1, after.count, Number(after.memberId)] : [postId, limit + 1],
        { id: int(), handle: text(), name: text(), avatar: text().nullable(), count: int() },
      );
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      const nextCursor =
        rows.length > limit && last
          ? encodeClapperCursor({ count: last.count, memberId: String(last.id) })
          : null;
      const clappers = shown.map(({ id, handle, name, avatar, count }) => ({
        member: { id: String(id), handle, name, avatar },
        count,
      }));
      return { clappers, totalClaps: total?.total ?? 0, nextCursor };
    }),
  },
  commands: ['POST /api/posts/:id/claps'],
});
