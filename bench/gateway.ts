// The gateway beside a direct connection to the same server and beside the npm package `http-proxy` (keep-alive agent,
// X-Forwarded headers as the gateway's): a kilobyte of JSON to 50 kept connections. Server, proxies and load are processes
// of their own that share the machine's cores, so "direct" is faster also because one process less wants them.

import type { Bench } from './support/bench.ts';
import { type Figure, figure, inTurn } from './support/figure.ts';
import { type Forked, forkPart } from './support/forked.ts';
import type { LoadOrder, LoadResult } from './support/http-load.ts';

const CONNECTIONS = 50;
const RUN_MS = 1_500;
const ROUNDS = 5;
const PATHS = { monolith: '/', service: '/posts' };

export async function run({ report, held }: Bench): Promise<void> {
  const load = await forkPart(held, part('http-load.ts'));
  const direct = await startFront(held, 'upstream');
  const proxy = await startFront(held, 'http-proxy', direct);
  const gateway = await startFront(held, 'gateway', direct);
  const results = await inTurn(ROUNDS, {
    direct: () => runLoad(load, direct + PATHS.monolith),
    proxy: () => runLoad(load, proxy + PATHS.monolith),
    monolith: () => runLoad(load, gateway + PATHS.monolith),
    service: () => runLoad(load, gateway + PATHS.service),
  });
  const ways = { monolith: 'to the monolith', service: "a session's query to its service" } as const;
  for (const way of ['monolith', 'service'] as const) {
    for (const peer of ['direct', 'proxy'] as const) {
      for (const told of figures(ways[way], results[way], peer, results[peer])) report(told);
    }
  }
}

function figures(
  way: string,
  own: readonly LoadResult[],
  peer: 'direct' | 'proxy',
  others: readonly LoadResult[],
): readonly Figure[] {
  const name = peer === 'direct' ? 'a direct connection' : 'http-proxy';
  const subject = { name: `gateway, ${way}, beside ${name}`, peer: name };
  return [
    figure({ ...subject, unit: 'requests/s' }, own.map(perSecond), others.map(perSecond)),
    figure({ ...subject, name: `${subject.name}, p99`, unit: 'ms' }, own.map(p99), others.map(p99)),
  ];
}

const perSecond = (result: LoadResult): number => result.perSecond;
const p99 = (result: LoadResult): number => result.p99Ms;

function part(name: string): string {
  return new URL(`support/${name}`, import.meta.url).pathname;
}

async function startFront(
  held: AsyncDisposableStack,
  kind: string,
  ...args: readonly string[]
): Promise<string> {
  const { ready } = await forkPart(held, part('front.ts'), [kind, ...args]);
  return ready as string;
}

async function runLoad(load: Forked, url: string): Promise<LoadResult> {
  const order: LoadOrder = { url, connections: CONNECTIONS, runMs: RUN_MS };
  return (await load.ask(order)) as LoadResult;
}
