// The example's event log folded to the monolith's rows, event by event and by nothing that the product folds with.

import type { Config } from '../../src/app/config.ts';
import { openEventLog } from '../../src/app/workspace.ts';
import { type PostgresClient, queryText } from '../../src/postgres/connect.ts';

type Rows = Readonly<
  Record<'members' | 'publications' | 'posts' | 'claps', Readonly<Record<string, unknown>>>
>;
type Data = Readonly<Record<string, unknown>>;

export async function foldLog(config: Config): Promise<Rows> {
  await using log = await openEventLog(config);
  const rows = {
    members: new Map<string, Data>(),
    publications: new Map<string, Data>(),
    posts: new Map<string, Data>(),
    claps: new Map<string, Data>(),
  };
  const change = (table: keyof typeof rows, id: unknown, columns: Data): void => {
    const key = String(id);
    const row = rows[table].get(key);
    if (!row) throw new Error(`${table} ${key} changed before it was there`);
    rows[table].set(key, { ...row, ...columns });
  };
  const create = (table: keyof typeof rows, id: unknown, columns: Data): void => {
    const key = String(id);
    if (rows[table].has(key)) throw new Error(`${table} ${key} was created twice`);
    rows[table].set(key, columns);
  };
  const versions = new Map<string, number>();
  for await (const { events } of log.readLog({
    after: 0,
    categories: ['member', 'publication', 'post', 'clap'],
  })) {
    for (const { type, stream, version, position, data: told } of events) {
      if (version !== (versions.get(stream) ?? 0) + 1)
        throw new Error(`${stream} ${version} is out of order`);
      versions.set(stream, version);
      const data = told as Data;
      const { registeredAt: _1, foundedAt: _2, draftedAt: _3, ...columns } = data;
      switch (type) {
        case 'MemberRegistered':
          create('members', data.memberId, columns);
          break;
        case 'ProfileEdited':
          change('members', data.memberId, columns);
          break;
        case 'PublicationFounded':
          create('publications', data.publicationId, columns);
          break;
        case 'PublicationEdited':
          change('publications', data.publicationId, columns);
          break;
        case 'PostDrafted':
          create('posts', data.postId, { ...columns, publishedAt: null, isDeleted: false });
          break;
        case 'PostEdited':
        case 'PostPublished':
          change('posts', data.postId, columns);
          break;
        case 'PostWithdrawn':
          change('posts', data.postId, { ...columns, publishedAt: null });
          break;
        case 'PostDeleted':
          change('posts', data.postId, { ...columns, isDeleted: true });
          break;
        case 'PostRestored':
          change('posts', data.postId, { ...columns, isDeleted: false });
          break;
        case 'ClapsGiven': {
          // Added up, not taken from the event: an event that is missing or there twice shows.
          const key = `${data.postId}.${data.memberId}`;
          const before = Number(rows.claps.get(key)?.count ?? 0);
          rows.claps.set(key, { count: before + Number(data.added) });
          break;
        }
        default:
          throw new Error(`${type} at ${position} is not an event that this test's visitors cause`);
      }
    }
  }
  return {
    members: Object.fromEntries(rows.members),
    publications: Object.fromEntries(rows.publications),
    posts: Object.fromEntries(rows.posts),
    claps: Object.fromEntries(rows.claps),
  };
}

const UTC = `at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`;
const READ = {
  members: `select id::text as key, json_build_object('memberId', id::text, 'handle', handle, 'email', email, 'name', name,
    'bio', bio, 'avatar', avatar) as row from members`,
  publications: `select id::text as key, json_build_object('publicationId', id::text, 'slug', slug, 'name', name,
    'tagline', tagline, 'ownerId', owner_id::text) as row from publications`,
  posts: `select id::text as key, json_build_object('postId', id::text, 'slug', slug, 'title', title, 'subtitle', subtitle,
    'body', body, 'thumbnail', thumbnail, 'authorId', author_id::text, 'publicationId', publication_id::text,
    'editedAt', to_char(updated_at ${UTC}), 'publishedAt', to_char(published_at ${UTC}), 'isDeleted', deleted_at is not null) as row from posts`,
  claps: `select post_id || '.' || member_id as key, json_build_object('count', count) as row from claps`,
};

/** The monolith's tables in the shape that `foldLog` answers. */
export async function readTables(db: PostgresClient): Promise<Rows> {
  const read = async (sql: string): Promise<Readonly<Record<string, unknown>>> =>
    Object.fromEntries((await queryText(db, sql)).map(({ key, row }) => [key!, JSON.parse(row!)]));
  return {
    members: await read(READ.members),
    publications: await read(READ.publications),
    posts: await read(READ.posts),
    claps: await read(READ.claps),
  };
}
