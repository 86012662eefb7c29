// The made-up world is the same every time, skewed as real ones are, and loads once.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { startEmbeddedPostgres } from '../../../src/testing/embedded-postgres.ts';
import { makeClaps, makeMembers, makePosts, memberIdentity, seedCounts } from './seed/rows.ts';
import { seed } from './seed.ts';

suite('seed rows', () => {
  const counts = seedCounts(0.1);
  const posts = [...makePosts(7, counts)];
  const published = posts.flatMap(({ publishedAt }, at) =>
    publishedAt ? [{ id: at + 1, publishedAt }] : [],
  );
  const claps = makeClaps(7, counts, published);

  test('scale multiplies', () => {
    assert.deepEqual(seedCounts(1), { members: 2_000, publications: 50, posts: 5_000, claps: 100_000 });
    assert.deepEqual(seedCounts(2), { members: 4_000, publications: 100, posts: 10_000, claps: 200_000 });
  });

  test('the same seed makes the same rows, another makes others', () => {
    assert.deepEqual([...makePosts(7, counts)], posts);
    assert.deepEqual(makeClaps(7, counts, published), claps);
    assert.notDeepEqual([...makePosts(8, counts)], posts);
  });

  test('handles and slugs are unique, far beyond the default size', () => {
    const handles = Array.from({ length: 20_000 }, (_, at) => memberIdentity(at + 1).handle);
    assert.equal(new Set(handles).size, handles.length);
    assert.equal(makeMembers(7, 3)[2]?.handle, memberIdentity(3).handle);
    assert.equal(new Set(posts.map(({ slug }) => slug)).size, posts.length);
  });

  test('some are drafts, a few are deleted, bodies have one to twelve kilobytes', () => {
    const share = (is: (post: (typeof posts)[number]) => boolean) => posts.filter(is).length / posts.length;
    assertBetween(
      share(({ status }) => status === 'draft'),
      0.1,
      0.2,
    );
    assertBetween(
      share(({ deletedAt }) => deletedAt !== null),
      0.005,
      0.05,
    );
    for (const { body } of posts) assertBetween(body.length, 1_000, 12_000);
  });

  test('at full size a twentieth of the stories has four claps in ten, and a few authors write most', () => {
    const full = seedCounts(1);
    const all = Array.from({ length: full.posts }, (_, at) => ({ id: at + 1, publishedAt: new Date(0) }));
    const claps = makeClaps(7, full, all);
    assert.ok(claps.every(({ count }) => count >= 1 && count <= 50));
    assert.ok(shareOfTop(claps.map(({ postId, count }) => [postId, count])) > 0.4);
    assert.ok(shareOfTop(posts.map(({ authorId }) => [authorId, 1])) > 0.2);
  });
});

/** What the leading twentieth of the keys holds of the whole. */
function shareOfTop(amounts: readonly (readonly [key: number, amount: number])[]): number {
  const perKey = new Map<number, number>();
  for (const [key, amount] of amounts) perKey.set(key, (perKey.get(key) ?? 0) + amount);
  const ranked = [...perKey.values()].sort((a, b) => b - a);
  const sum = (list: readonly number[]) => list.reduce((total, amount) => total + amount, 0);
  return sum(ranked.slice(0, ranked.length / 20)) / sum(ranked);
}

test('loading happens once, stores long bodies out of line and leaves the keys ready for the next row', async () => {
  const dataDir = fileURLToPath(new URL(`../../../.data/test/medium-seed-${process.pid}`, import.meta.url));
  await using server = await startEmbeddedPostgres({ dataDir, ephemeral: true });
  const counts = seedCounts(0.1);
  assert.deepEqual(await seed(server.url(), { scale: 0.1 }), counts);
  assert.equal(await seed(server.url(), { scale: 0.1 }), null);
  const client = new Client({ connectionString: server.url() });
  await client.connect();
  const { rows } = await client.query<Record<string, number>>(
    `select (select count(*) from members)::int as members, (select count(*) from publications)::int as publications,
       (select count(*) from claps)::int as claps, count(*)::int as posts,
       avg((pg_column_toast_chunk_id(body) is not null)::int)::float as out_of_line,
       nextval(pg_get_serial_sequence('posts', 'id'))::int as next_post
     from posts`,
  );
  await client.end();
  const { out_of_line, next_post, ...loaded } = rows[0]!;
  assert.deepEqual(loaded, counts);
  assertBetween(out_of_line!, 0.4, 0.9);
  assert.equal(next_post, counts.posts + 1);
});

function assertBetween(value: number, low: number, high: number): void {
  assert.ok(value >= low && value <= high, `${value} is not between ${low} and ${high}`);
}
