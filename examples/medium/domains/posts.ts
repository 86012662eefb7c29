// Stories: the home feed, a story as its reader sees it, and one's own drafts. The feed is one query of one store.
import { defineDomain, type EmitOf, int, type RowIn, table, text } from 'banyan';
import { notFound } from '../monolith/api-error.ts';
import { decodeFeedCursor, encodeFeedCursor } from '../monolith/page-cursor.ts';
import { clapEvents, memberEvents, postEvents, publicationEvents } from './events.ts';
import { limitOf } from './listing.ts';
import { medium } from './monolith.ts';
import { requireReader, withReader } from './session.ts';
import {
  CARD,
  CARD_SELECT,
  followApplause,
  followCards,
  followPosts,
  storyTables,
  toCard,
  toPublicationLink,
} from './story.ts';

const TEXTS = { id: int(), body: text(), created_at: text(), updated_at: text() };

const { id, slug, title, subtitle, thumbnail, publication_id, publication_slug, publication_name } = CARD;
const DRAFT = {
  ...{ id, slug, title, subtitle, thumbnail, publication_id, publication_slug, publication_name },
  created_at: text(),
  updated_at: text(),
};

export const posts = defineDomain({
  name: 'posts',
  source: medium,
  events: postEvents,
  listensTo: [memberEvents, publicationEvents, clapEvents],

  capture: {
    posts: {
      stream: (row) => `post-${row.id}`,
      insert: (emit, row) => history(emit, row),
      backfill: (emit, row) => history(emit, row),
      update: (emit, row, before) => {
        const at = { postId: row.id, editedAt: row.updated_at };
        const isEdited =
          JSON.stringify(storyOf({ ...row, updated_at: '' })) !==
          JSON.stringify(storyOf({ ...before, updated_at: '' }));
        const told = [
          isEdited && emit.PostEdited(storyOf(row)),
          row.status === 'published' &&
            (before.status === 'draft' || row.published_at !== before.published_at) &&
            emit.PostPublished({ ...at, publishedAt: row.published_at! }),
          row.status === 'draft' && before.status === 'published' && emit.PostWithdrawn(at),
          row.deleted_at !== null && before.deleted_at === null && emit.PostDeleted(at),
          row.deleted_at === null && before.deleted_at !== null && emit.PostRestored(at),
        ].filter((event) => event !== false);
        return told.length > 0 || row.updated_at === before.updated_at ? told : emit.PostEdited(storyOf(row));
      },
      delete: (emit, before) => emit.PostErased({ postId: before.id }),
    },
  },

  projection: {
    version: 1,
    tables: {
      ...storyTables,
      texts: table({ key: ['id'], columns: TEXTS }),
      reader_claps: table({
        key: ['post_id', 'member_id'],
        columns: { post_id: int(), member_id: int(), count: int() },
      }),
    },
    on: {
      ...followCards,
      PostDrafted: (event, tables) => {
        followPosts.PostDrafted(event, tables);
        const { postId, body, draftedAt, editedAt } = event.data;
        tables.texts.upsert({ id: Number(postId), body, created_at: draftedAt, updated_at: editedAt });
      },
      PostEdited: (event, tables) => {
        followPosts.PostEdited(event, tables);
        const { postId, body, editedAt } = event.data;
        tables.texts.patch({ id: Number(postId) }, { body, updated_at: editedAt });
      },
      PostPublished: (event, tables) => {
        tables.texts.patch({ id: Number(event.data.postId) }, { updated_at: event.data.editedAt });
        return followPosts.PostPublished(event, tables);
      },
      PostWithdrawn: (event, tables) => {
        tables.texts.patch({ id: Number(event.data.postId) }, { updated_at: event.data.editedAt });
        return followPosts.PostWithdrawn(event, tables);
      },
      PostDeleted: (event, tables) => {
        tables.texts.patch({ id: Number(event.data.postId) }, { updated_at: event.data.editedAt });
        return followPosts.PostDeleted(event, tables);
      },
      PostRestored: (event, tables) => {
        tables.texts.patch({ id: Number(event.data.postId) }, { updated_at: event.data.editedAt });
        return followPosts.PostRestored(event, tables);
      },
      PostErased: (event, tables) => {
        followPosts.PostErased(event, tables);
        tables.texts.delete({ id: Number(event.data.postId) });
      },
      ClapsGiven: (event, tables) => {
        followApplause.ClapsGiven(event, tables);
        const { postId, memberId, count } = event.data;
        tables.reader_claps.upsert({ post_id: Number(postId), member_id: Number(memberId), count });
      },
      ClapsWithdrawn: async (event, tables) => {
        await followApplause.ClapsWithdrawn(event, tables);
        const { postId, memberId, count } = event.data;
        const key = { post_id: Number(postId), member_id: Number(memberId) };
        if (count > 0) tables.reader_claps.upsert({ ...key, count });
        else tables.reader_claps.delete(key);
      },
    },
  },

  queries: {
    'GET /api/feed': withReader(async ({ search, read }) => {
      const limit = limitOf(search);
      const after = decodeFeedCursor(search.get('cursor'));
      const rows = await read.all(
        `${CARD_SELECT} where s.live_since is not null ${after ? 'and (s.live_since, s.id) < ($2, $3)' : ''}
         order by s.live_since desc, s.id desc limit $1`,
        after ? [limit + 1, after.publishedAt.toISOString(), Number(after.id)] : [limit + 1],
        CARD,
      );
      const shown = rows.slice(0, limit);
      const last = shown.at(-1);
      const nextCursor =
        rows.length > limit && last?.published_at
          ? encodeFeedCursor({ publishedAt: new Date(last.published_at), id: String(last.id) })
          : null;
      return { posts: shown.map(toCard), nextCursor };
    }),
    'GET /api/posts/:slug': withReader(async ({ params, read }, reader) => {
      const readerId = reader ? Number(reader.id) : 0;
      const [row] = await read.all(
        `${CARD_SELECT} where s.slug = $1 and s.deleted = 0 and (s.published_at is not null or s.author_id = $2)`,
        [params.slug, readerId],
        CARD,
      );
      if (!row) throw notFound('story');
      const told = await read.get('texts', { id: row.id });
      const own = await read.get('reader_claps', { post_id: row.id, member_id: readerId });
      return {
        ...toCard(row),
        body: told!.body,
        createdAt: told!.created_at,
        updatedAt: told!.updated_at,
        status: row.published_at === null ? 'draft' : 'published',
        readerClaps: own?.count ?? 0,
      };
    }),
    'GET /api/me/drafts': withReader(async ({ read }, reader) => {
      const rows = await read.all(
        `select s.id, s.slug, s.title, s.subtitle, s.thumbnail, t.created_at, t.updated_at,
                b.id as publication_id, b.slug as publication_slug, b.name as publication_name
         from stories s join texts t on t.id = s.id left join imprints b on b.id = s.publication_id
         where s.author_id = $1 and s.published_at is null and s.deleted = 0 order by t.updated_at desc, s.id desc limit 100`,
        [Number(requireReader(reader).id)],
        DRAFT,
      );
      const posts = rows.map(
        ({
          id,
          slug,
          title,
          subtitle,
          thumbnail,
          created_at: createdAt,
          updated_at: updatedAt,
          ...rest
        }) => ({
          id: String(id),
          slug,
          title,
          subtitle,
          thumbnail,
          createdAt,
          updatedAt,
          publication: toPublicationLink(rest),
        }),
      );
      return { posts };
    }),
  },
  commands: ['POST /api/posts', 'PUT /api/posts/:id', 'POST /api/posts/:id/publish', 'DELETE /api/posts/:id'],
});

type Post = RowIn<typeof medium, 'posts'>;

/** A row's past, from what is left of it: drafted, then published, then deleted, as far as it came. */
function history(emit: EmitOf<typeof postEvents>, row: Post) {
  const at = { postId: row.id, editedAt: row.updated_at };
  return [
    emit.PostDrafted({ ...storyOf(row), draftedAt: row.created_at }),
    row.status === 'published' && emit.PostPublished({ ...at, publishedAt: row.published_at! }),
    row.deleted_at !== null && emit.PostDeleted(at),
  ];
}

function storyOf(row: Post) {
  return {
    postId: row.id,
    slug: row.slug,
    title: row.title,
    subtitle: row.subtitle,
    body: row.body,
    thumbnail: row.thumbnail,
    authorId: row.author_id,
    publicationId: row.publication_id,
    editedAt: row.updated_at,
  };
}
