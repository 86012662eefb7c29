// Every query of the example, asked of the gateway and of the monolith behind it, as a visitor and as members.
import { queryText } from '../../src/postgres/connect.ts';
import type { RunningMedium } from './running-medium.ts';

/** The paths of every query, over the newest and the oldest rows, with pages beyond the first and some that are not there. */
export async function queryPaths(medium: RunningMedium): Promise<readonly string[]> {
  const column = async (sql: string): Promise<readonly string[]> =>
    (await queryText(medium.db, sql)).map((row) => row.value!);
  const slugs = await column(
    `(select slug as value from posts order by id desc limit 15) union all (select slug from posts order by id limit 15)`,
  );
  const ids = await column(
    `select post_id as value from claps group by post_id order by count(*) desc, post_id limit 10`,
  );
  const handles = await column(`select handle as value from members order by id limit 20`);
  const publications = await column('select slug as value from publications order by id');
  const feed = JSON.parse((await medium.get('/api/feed?limit=7')).body) as { readonly nextCursor: string };
  return [
    '/api/feed',
    `/api/feed?limit=7&cursor=${feed.nextCursor}`,
    '/api/feed?cursor=nonsense',
    '/api/feed?limit=0',
    ...slugs.map((slug) => `/api/posts/${slug}`),
    '/api/posts/no-such-story',
    ...ids.flatMap((id) => [`/api/posts/${id}/claps`, `/api/posts/${id}/clappers?limit=5`]),
    '/api/posts/999999/claps',
    '/api/posts/not-a-number/clappers',
    ...handles.map((handle) => `/api/members/${handle}`),
    '/api/members/nobody',
    '/api/me',
    '/api/me/drafts',
    '/api/publications',
    ...publications.map((slug) => `/api/publications/${slug}`),
    '/api/publications/none',
  ];
}

export async function differences(
  medium: RunningMedium,
): Promise<{ readonly compared: number; readonly different: readonly unknown[] }> {
  await medium.settled();
  const paths = await queryPaths(medium);
  const different: unknown[] = [];
  const tokens = [undefined, await medium.logIn(1), await medium.logIn(7), 'not-a-token'];
  for (const token of tokens) {
    const as = token === undefined ? {} : { token };
    for (const path of paths) {
      const [ours, theirs] = await Promise.all([
        medium.get(path, as),
        medium.get(path, { ...as, base: medium.machine.environment.monolithUrl }),
      ]);
      const isSame = ours.status === theirs.status && ours.body === theirs.body && ours.side === 'service';
      if (!isSame) different.push({ path, isMember: token !== undefined, ours, theirs });
    }
  }
  return { compared: paths.length * tokens.length, different: different.slice(0, 5) };
}
