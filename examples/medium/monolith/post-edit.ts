// Writing a story: create a draft, edit, publish, delete. Only its author may.
import type { Pool, PoolClient } from 'pg';
import { conflict, forbidden, notFound } from './api-error.ts';
import { inTransaction } from './database.ts';
import { idParameter, optionalIdField, pictureField, requireMember, textField } from './field.ts';
import { findPost } from './post.ts';
import type { ApiRequest, Reply, Route } from './router.ts';
import { slugify } from './slug.ts';

export function postEditRoutes(pool: Pool): readonly Route[] {
  return [
    { method: 'POST', pattern: '/api/posts', handle: (request) => createPost(pool, request) },
    { method: 'PUT', pattern: '/api/posts/:id', handle: (request) => editPost(pool, request) },
    { method: 'POST', pattern: '/api/posts/:id/publish', handle: (request) => publishPost(pool, request) },
    { method: 'DELETE', pattern: '/api/posts/:id', handle: (request) => deletePost(pool, request) },
  ];
}

const MAX_BODY_CHARACTERS = 100_000;

async function createPost(pool: Pool, request: ApiRequest): Promise<Reply> {
  const member = requireMember(request);
  const { title, ...rest } = readColumns(await request.body());
  const titled = { title: title ?? textField({}, 'title', { max: 0 }), ...rest };
  const columns = Object.keys(titled);
  // The hexadecimal id at the end makes the slug unique without a second look.
  const { rows } = await pool.query<{ id: string }>(
    `with key as (select nextval(pg_get_serial_sequence('posts', 'id')) as id)
     insert into posts (id, slug, author_id, ${columns.join(', ')})
     select id, $1 || '-' || to_hex(id), $2::bigint, ${columns.map((_, at) => `$${at + 3}`).join(', ')} from key
     returning id`,
    [slugify(titled.title, 'story'), member.id, ...Object.values(titled)],
  );
  return { status: 201, body: await findPost(pool, { id: rows[0]!.id }, member.id) };
}

async function editPost(pool: Pool, request: ApiRequest): Promise<Reply> {
  const member = requireMember(request);
  const id = idParameter(request, 'story');
  const changes = readColumns(await request.body());
  await inTransaction(pool, async (client) => {
    await lockOwnPost(client, id, member.id);
    const assignments = Object.keys(changes).map((column, at) => `${column} = $${at + 2}`);
    await client.query(
      `update posts set ${[...assignments, 'updated_at = now()'].join(', ')} where id = $1`,
      [id, ...Object.values(changes)],
    );
  });
  return { status: 200, body: await findPost(pool, { id }, member.id) };
}

/** Publishing again changes nothing. */
async function publishPost(pool: Pool, request: ApiRequest): Promise<Reply> {
  const member = requireMember(request);
  const id = idParameter(request, 'story');
  await inTransaction(pool, async (client) => {
    const post = await lockOwnPost(client, id, member.id);
    if (post.is_empty) throw conflict('story_empty', 'A story needs a body before it is published.');
    await client.query(
      `update posts set status = 'published', published_at = now(), updated_at = now()
       where id = $1 and status = 'draft'`,
      [id],
    );
  });
  return { status: 200, body: await findPost(pool, { id }, member.id) };
}

async function deletePost(pool: Pool, request: ApiRequest): Promise<Reply> {
  const member = requireMember(request);
  const id = idParameter(request, 'story');
  await inTransaction(pool, async (client) => {
    await lockOwnPost(client, id, member.id);
    await client.query(`update posts set deleted_at = now(), updated_at = now() where id = $1`, [id]);
  });
  return { status: 204 };
}

/** Columns to write, from the fields that were sent; a field left out keeps its value. */
function readColumns(body: Readonly<Record<string, unknown>>) {
  return {
    ...('title' in body && { title: textField(body, 'title', { min: 1, max: 200 }) }),
    ...('subtitle' in body && { subtitle: textField(body, 'subtitle', { max: 300 }) }),
    ...('body' in body && { body: textField(body, 'body', { max: MAX_BODY_CHARACTERS }) }),
    ...('thumbnail' in body && { thumbnail: pictureField(body, 'thumbnail') }),
    ...('publicationId' in body && { publication_id: optionalIdField(body, 'publicationId') }),
  };
}

/** Locks the row until the transaction ends. Another member's draft is as good as absent. */
async function lockOwnPost(client: PoolClient, id: string, memberId: string) {
  const { rows } = await client.query<{ author_id: string; status: string; is_empty: boolean }>(
    `select author_id, status, body = '' as is_empty from posts where id = $1 and deleted_at is null for update`,
    [id],
  );
  const post = rows[0];
  if (!post) throw notFound('story');
  if (post.author_id === memberId) return post;
  if (post.status === 'draft') throw notFound('story');
  throw forbidden('not_the_author', 'Only its author may change a story.');
}
