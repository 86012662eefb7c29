// Every query of the monolith, on seeded rows.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { Client } from 'pg';
import type { Card } from './card.ts';
import type { FullPost } from './post.ts';
import { memberIdentity } from './seed/rows.ts';
import { startTestMonolith, type TestMonolith } from './test-monolith.ts';

interface Feed {
  readonly posts: readonly Card[];
  readonly nextCursor: string | null;
}

suite('reading', () => {
  let medium: TestMonolith;
  let database: Client;
  before(async () => {
    medium = await startTestMonolith('read', 0.05);
    database = new Client({ connectionString: medium.databaseUrl });
    await database.connect();
  });
  after(async () => {
    await database.end();
    await medium[Symbol.asyncDispose]();
  });

  async function expectOne(sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>> {
    const { rows } = await database.query<Record<string, unknown>>(sql, [...values]);
    assert.ok(rows[0]);
    return rows[0];
  }

  test('the feed pages through every live story once, newest first', async () => {
    const seen: Card[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const query: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const { json } = await medium.call<Feed>('GET', `/api/feed?limit=17${query}`);
      seen.push(...json.posts);
      cursor = json.nextCursor;
    }
    const { rows } = await database.query<{ id: string }>(
      `select id from posts where status = 'published' and deleted_at is null order by published_at desc, id desc`,
    );
    assert.deepEqual(
      seen.map((card) => card.id),
      rows.map((row) => row.id),
    );
  });

  test('a card holds story, author, publication and claps, in a stable order', async () => {
    const { json, headers } = await medium.call<Feed>('GET', '/api/feed');
    assert.equal(json.posts.length, 30);
    assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
    const card = json.posts.find(({ publication }) => publication !== null)!;
    assert.deepEqual(Object.keys(card), [
      'id',
      'slug',
      'title',
      'subtitle',
      'thumbnail',
      'publishedAt',
      'author',
      'publication',
      'claps',
    ]);
    assert.match(card.publishedAt!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const { sum } = await expectOne('select sum(count)::int from claps where post_id = $1', [card.id]);
    assert.equal(card.claps, sum ?? 0);
  });

  test('a story shows its body to everyone, a draft only to its author', async () => {
    const live = (await medium.call<Feed>('GET', '/api/feed?limit=1')).json.posts[0]!;
    const { json } = await medium.call<FullPost>('GET', `/api/posts/${live.slug}`);
    const { readerClaps, body, createdAt: _, updatedAt: __, status, ...card } = json;
    assert.deepEqual(card, live);
    assert.equal(readerClaps, 0);
    assert.equal(status, 'published');
    assert.ok(body.length > 1_000);

    const draft = await expectOne(
      `select p.slug, m.handle from posts p join members m on m.id = author_id
       where status = 'draft' and deleted_at is null limit 1`,
    );
    assert.equal(await medium.refusal('GET', `/api/posts/${draft.slug}`), '404 not_found');
    const author = { login: draft.handle, password: 'banyan' };
    const { token } = (await medium.call<{ token: string }>('POST', '/api/login', { body: author })).json;
    const own = await medium.call<FullPost>('GET', `/api/posts/${draft.slug}`, { token });
    assert.equal(own.json.status, 'draft');
    const drafts = await medium.call<{ posts: readonly { slug: string }[] }>('GET', '/api/me/drafts', {
      token,
    });
    assert.ok(drafts.json.posts.some((post) => post.slug === draft.slug));
  });

  test('a deleted story is not found', async () => {
    const { slug, id } = await expectOne('select slug, id from posts where deleted_at is not null limit 1');
    assert.equal(await medium.refusal('GET', `/api/posts/${slug}`), '404 not_found');
    assert.equal(await medium.refusal('GET', `/api/posts/${id}/claps`), '404 not_found');
  });

  test('clappers come by count, then by member, page by page', async () => {
    const { post_id: id, total } = await expectOne(
      `select post_id, sum(count)::int as total from claps join posts p on p.id = post_id
       where p.deleted_at is null group by 1 order by count(*) desc limit 1`,
    );
    const seen: { member: { id: string }; count: number }[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const path: string = `/api/posts/${id}/clappers?limit=9${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const { json } = await medium.call<{
        clappers: { member: { id: string }; count: number }[];
        totalClaps: number;
        nextCursor: string | null;
      }>('GET', path);
      assert.equal(json.totalClaps, total);
      seen.push(...json.clappers);
      cursor = json.nextCursor;
    }
    const { rows } = await database.query<{ member_id: string; count: number }>(
      'select member_id, count from claps where post_id = $1 order by count desc, member_id',
      [id],
    );
    assert.deepEqual(
      seen.map(({ member, count }) => [member.id, count]),
      rows.map(({ member_id, count }) => [member_id, count]),
    );
    assert.ok(seen.length > 9);
  });

  test('a profile and a publication add up the claps of their live stories', async () => {
    const { handle } = memberIdentity(1);
    const profile = await medium.call<{ id: string; totalClaps: number }>('GET', `/api/members/${handle}`);
    const claps = `select coalesce(sum(c.count), 0)::int as total from posts p join claps c on c.post_id = p.id
      where p.status = 'published' and p.deleted_at is null`;
    const ofAuthor = await expectOne(`${claps} and p.author_id = $1`, [profile.json.id]);
    assert.equal(profile.json.totalClaps, ofAuthor.total);

    const list = await medium.call<{ publications: { slug: string; name: string }[] }>(
      'GET',
      '/api/publications',
    );
    const names = list.json.publications.map(({ name }) => name);
    assert.deepEqual(names, [...names].sort());
    const { slug } = list.json.publications[0]!;
    const publication = await medium.call<{ id: string; stories: readonly Card[]; totalClaps: number }>(
      'GET',
      `/api/publications/${slug}`,
    );
    assert.ok(publication.json.stories.every((card) => card.publication?.slug === slug));
    const ofPublication = await expectOne(`${claps} and p.publication_id = $1`, [publication.json.id]);
    assert.equal(publication.json.totalClaps, ofPublication.total);
  });
});
