// Every command of the monolith: what it answers, and what a reader sees next.
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import type { FullPost } from './post.ts';
import { startTestMonolith, type TestMonolith } from './test-monolith.ts';

interface Claps {
  readonly postId: string;
  readonly memberClaps: number;
  readonly totalClaps: number;
}

suite('writing', () => {
  let medium: TestMonolith;
  let ada: string;
  let ben: string;
  before(async () => {
    medium = await startTestMonolith('write');
    ada = await medium.signUp('ada');
    ben = await medium.signUp('ben');
  });
  after(() => medium[Symbol.asyncDispose]());

  test('a story is drafted, edited, published and deleted', async () => {
    const created = await medium.call<FullPost>('POST', '/api/posts', {
      token: ada,
      body: { title: 'Über Trees & Rivers!', body: 'First words.' },
    });
    assert.equal(created.status, 201);
    const { id, slug } = created.json;
    assert.equal(slug, `uber-trees-rivers-${Number(id).toString(16)}`);
    assert.equal(created.json.status, 'draft');
    assert.equal(created.json.publishedAt, null);

    const edited = await medium.call<FullPost>('PUT', `/api/posts/${id}`, {
      token: ada,
      body: { title: 'Trees', thumbnail: 'gradient:trees', subtitle: 'On bark' },
    });
    const { title, body, thumbnail, subtitle } = edited.json;
    assert.deepEqual(
      { title, body, thumbnail, subtitle, slug: edited.json.slug },
      { title: 'Trees', body: 'First words.', thumbnail: 'gradient:trees', subtitle: 'On bark', slug },
    );

    const published = await medium.call<FullPost>('POST', `/api/posts/${id}/publish`, { token: ada });
    assert.equal(published.json.status, 'published');
    const again = await medium.call<FullPost>('POST', `/api/posts/${id}/publish`, { token: ada });
    assert.deepEqual(again.json, published.json);
    const seen = await medium.call<FullPost>('GET', `/api/posts/${slug}`, { token: ben });
    assert.deepEqual(seen.json, published.json);

    assert.equal((await medium.call('DELETE', `/api/posts/${id}`, { token: ada })).status, 204);
    assert.equal(await medium.refusal('GET', `/api/posts/${slug}`, { token: ada }), '404 not_found');
    assert.equal(await medium.refusal('DELETE', `/api/posts/${id}`, { token: ada }), '404 not_found');
  });

  test('nobody else may write a story, and a draft of another member does not exist', async () => {
    const draft = await medium.call<FullPost>('POST', '/api/posts', { token: ada, body: { title: 'Mine' } });
    const { id } = draft.json;
    const body = { title: 'Yours' };
    assert.equal(await medium.refusal('PUT', `/api/posts/${id}`, { token: ben, body }), '404 not_found');
    assert.equal(await medium.refusal('POST', `/api/posts/${id}/publish`, { token: ada }), '409 story_empty');
    const live = await medium.publish(ada, 'Public');
    for (const [method, path] of [
      ['PUT', `/api/posts/${live.id}`],
      ['POST', `/api/posts/${live.id}/publish`],
      ['DELETE', `/api/posts/${live.id}`],
    ] as const) {
      assert.equal(await medium.refusal(method, path, { token: ben, body }), '403 not_the_author');
      assert.equal(await medium.refusal(method, path, { body }), '401 token_required');
    }
  });

  test('a member claps at most fifty times for a story', async () => {
    const { id, slug } = await medium.publish(ada, 'Clap');
    const clap = (token: string, count: number) =>
      medium.call<Claps>('POST', `/api/posts/${id}/claps`, { token, body: { count } });
    assert.deepEqual((await clap(ben, 30)).json, { postId: id, memberClaps: 30, totalClaps: 30 });
    assert.deepEqual((await clap(ben, 30)).json, { postId: id, memberClaps: 50, totalClaps: 50 });
    assert.deepEqual((await clap(ada, 7)).json, { postId: id, memberClaps: 7, totalClaps: 57 });
    const claps = await medium.call('GET', `/api/posts/${id}/claps`, { token: ben });
    assert.deepEqual(claps.json, { postId: id, totalClaps: 57, readerClaps: 50 });
    const post = await medium.call<FullPost>('GET', `/api/posts/${slug}`, { token: ada });
    assert.deepEqual([post.json.claps, post.json.readerClaps], [57, 7]);
  });

  test('claps that arrive together all count', async () => {
    const { id } = await medium.publish(ada, 'Applause');
    const once = () =>
      medium.call<Claps>('POST', `/api/posts/${id}/claps`, { token: ben, body: { count: 1 } });
    const answers = await Promise.all(Array.from({ length: 40 }, once));
    const counts = answers.map(({ json }) => json.memberClaps).sort((a, b) => a - b);
    assert.deepEqual(
      counts,
      Array.from({ length: 40 }, (_, at) => at + 1),
    );
  });

  test('a profile is edited field by field', async () => {
    const body = { name: 'Ada L.', bio: 'Writes engines.', avatar: null };
    const me = await medium.call<Record<string, unknown>>('PUT', '/api/me', { token: ada, body });
    assert.deepEqual(
      [me.json.name, me.json.bio, me.json.avatar, me.json.email],
      ['Ada L.', 'Writes engines.', null, 'ada@example.org'],
    );
    await medium.call('PUT', '/api/me', { token: ada, body: { bio: '' } });
    const { json } = await medium.call<Record<string, unknown>>('GET', '/api/me', { token: ada });
    assert.deepEqual([json.name, json.bio], ['Ada L.', '']);
    const profile = await medium.call<Record<string, unknown>>('GET', '/api/members/ada');
    assert.deepEqual({ ...profile.json, email: 'ada@example.org' }, json);
  });

  test('a story may belong to a publication', async () => {
    const body = { name: 'The Grove', tagline: 'Slow growth' };
    const created = await medium.call<{ id: string; slug: string }>('POST', '/api/publications', {
      token: ben,
      body,
    });
    assert.equal(created.status, 201);
    assert.equal(created.json.slug, 'the-grove');
    assert.equal(await medium.refusal('POST', '/api/publications', { token: ada, body }), '409 slug_taken');
    const { id } = await medium.publish(ada, 'Rings');
    const moved = await medium.call<FullPost>('PUT', `/api/posts/${id}`, {
      token: ada,
      body: { publicationId: created.json.id },
    });
    assert.deepEqual(moved.json.publication, { id: created.json.id, slug: 'the-grove', name: 'The Grove' });
    const { json } = await medium.call<{ stories: { id: string }[] }>('GET', '/api/publications/the-grove');
    assert.deepEqual(
      json.stories.map((story) => story.id),
      [id],
    );
    await medium.call('PUT', `/api/posts/${id}`, { token: ada, body: { publicationId: null } });
    const unknown = { token: ada, body: { publicationId: '999' } };
    assert.equal(await medium.refusal('PUT', `/api/posts/${id}`, unknown), '400 publication_unknown');
  });
});
