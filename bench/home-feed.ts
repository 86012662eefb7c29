// The home feed of the example, 30 stories with their claps: one query of the posts service, which keeps what a card needs
// in its own store, beside services that call each other: one list of 30, and then one call each to the claps service, one
// after another or all at once. The same services answer both, over kept connections on loopback, where a call costs no
// distance: across machines each of the calls one after another adds a round trip more.
import { Pool } from 'undici';
import type { Bench } from './support/bench.ts';
import { figure, inTurn, median, percentile } from './support/figure.ts';
import { startMedium } from './support/medium.ts';

const STORIES = 30;
const FEEDS = 100;
const ROUNDS = 5;

interface Feed {
  readonly posts: readonly { readonly id: string; readonly claps: number }[];
}

type Get = (path: string) => Promise<unknown>;

export async function run(bench: Bench): Promise<void> {
  const medium = await startMedium(bench, 0.5);
  const posts = client(bench, medium.serviceUrl('posts'));
  const claps = client(bench, medium.serviceUrl('claps'));
  const latencies = await inTurn(ROUNDS, {
    query: () => each(() => feed(posts)),
    inSequence: () => each(() => feedOfCalls(posts, claps, inSequence)),
    atOnce: () => each(() => feedOfCalls(posts, claps, atOnce)),
  });
  const peers = {
    inSequence: '1 + 30 calls, one after another',
    atOnce: '1 + 30 calls, all at once',
  } as const;
  for (const peer of ['inSequence', 'atOnce'] as const) {
    for (const [name, of] of [
      ['median', median],
      ['p99', (values: readonly number[]) => percentile(values, 0.99)],
    ] as const) {
      const subject = { name: `home feed, one query beside ${peers[peer]}, ${name}`, peer: peers[peer] };
      bench.report(figure({ ...subject, unit: 'ms' }, latencies.query.map(of), latencies[peer].map(of)));
    }
  }
}

function client({ held }: Bench, url: string): Get {
  const pool = new Pool(url, { connections: STORIES });
  held.defer(() => pool.destroy());
  return async (path) => {
    const answer = await pool.request({ method: 'GET', path });
    if (answer.statusCode !== 200) throw new Error(`${path} was answered with ${answer.statusCode}`);
    return answer.body.json();
  };
}

/** Milliseconds of each of so many feeds, one after another. */
async function each(read: () => Promise<Feed>): Promise<number[]> {
  const latencies: number[] = [];
  for (let at = 0; at < FEEDS; at += 1) {
    const start = performance.now();
    const { posts } = await read();
    latencies.push(performance.now() - start);
    if (posts.length !== STORIES) throw new Error(`The feed had ${posts.length} stories`);
  }
  return latencies;
}

async function feed(posts: Get): Promise<Feed> {
  return (await posts(`/api/feed?limit=${STORIES}`)) as Feed;
}

type ForEach = (ids: readonly string[], call: (id: string) => Promise<number>) => Promise<readonly number[]>;

const atOnce: ForEach = (ids, call) => Promise.all(ids.map(call));

const inSequence: ForEach = async (ids, call) => {
  const answers: number[] = [];
  for (const id of ids) answers.push(await call(id));
  return answers;
};

async function feedOfCalls(posts: Get, claps: Get, forEach: ForEach): Promise<Feed> {
  const list = await feed(posts);
  const totals = await forEach(
    list.posts.map(({ id }) => id),
    async (id) => ((await claps(`/api/posts/${id}/claps`)) as { readonly totalClaps: number }).totalClaps,
  );
  return { posts: list.posts.map((post, at) => ({ ...post, claps: totals[at]! })) };
}
