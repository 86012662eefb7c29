// From a commit's return at the monolith's database until a service has answered a query with it over HTTP, each role in a
// process of its own; the query waits in the service as the gateway makes it wait. Beside it the arrival of the same
// commits' bytes at `pg_recvlogical`. Titles are edited on schedule: a slow answer does not slow the writer down.
import type { Readable } from 'node:stream';
import { Pool } from 'undici';
import { createSlot } from '../src/capture/postgres/slot.ts';
import { HEADER } from '../src/control/role-status.ts';
import { createPool, type PostgresPool, queryText } from '../src/postgres/connect.ts';
import { pause } from '../src/runtime/wait.ts';
import type { Bench } from './support/bench.ts';
import { type Figure, figure, percentile } from './support/figure.ts';
import { type RunningMedium, startMedium } from './support/medium.ts';
import { findPgRecvlogical, startPgRecvlogical } from './support/pg-recvlogical.ts';

const COMMITS_PER_SECOND = 40;
const COMMITS = 300;
const ROUNDS = 3;
const SLOT = 'bench';
const STORIES = 100;
const WAIT_MS = 10_000;

interface Story {
  readonly id: string;
  readonly slug: string;
}

/** Milliseconds from the commit's return. */
interface Seen {
  readonly answeredMs: number;
  readonly arrivedMs: number | undefined;
}

export async function run(bench: Bench): Promise<void> {
  const { report, held } = bench;
  const medium = await startMedium(bench, 0.1);
  const arrivals = await watchArrivals(bench, medium);
  const service = new Pool(medium.serviceUrl('posts'));
  held.defer(() => service.destroy());
  const db = createPool(medium.environment.databaseUrl, { applicationName: 'bench', size: 4 });
  held.defer(() => db.end());
  const stories = await publishedStories(db);
  const edit = (number: number): Promise<Seen> =>
    editTitle(db, service, arrivals, stories[number % stories.length]!, number);
  const rounds: Seen[][] = [];
  for (let round = 0; round <= ROUNDS; round += 1) rounds.push(await editInTime(round, edit));
  // The first round warms up.
  for (const share of [0.5, 0.99]) report(figureOf(rounds.slice(1), share));
}

function figureOf(rounds: readonly (readonly Seen[])[], share: number): Figure {
  const arrivals = rounds
    .map((seen) => seen.flatMap(({ arrivedMs }) => arrivedMs ?? []))
    .filter(({ length }) => length > 0);
  return figure(
    {
      name: `commit to visible, p${share * 100}, ${COMMITS_PER_SECOND} commits a second`,
      unit: 'ms',
      peer: 'commit to its bytes at pg_recvlogical',
    },
    rounds.map((seen) =>
      percentile(
        seen.map(({ answeredMs }) => answeredMs),
        share,
      ),
    ),
    arrivals.map((times) => percentile(times, share)),
  );
}

async function publishedStories(db: PostgresPool): Promise<readonly Story[]> {
  const rows = await queryText(
    db,
    `SELECT id, slug FROM posts WHERE status = 'published' AND deleted_at IS NULL ORDER BY id LIMIT ${STORIES}`,
  );
  return rows.map(({ id, slug }) => ({ id: id!, slug: slug! }));
}

async function editInTime(round: number, edit: (number: number) => Promise<Seen>): Promise<Seen[]> {
  const start = performance.now();
  const edits: Promise<Seen>[] = [];
  for (let at = 0; at < COMMITS; at += 1) {
    await pause(Math.max(0, start + (at * 1_000) / COMMITS_PER_SECOND - performance.now()));
    edits.push(edit(round * COMMITS + at));
  }
  return Promise.all(edits);
}

async function editTitle(
  db: PostgresPool,
  service: Pool,
  arrivals: Arrivals | undefined,
  { id, slug }: Story,
  number: number,
): Promise<Seen> {
  const title = `Edition ${number} of the story`;
  const arrival = arrivals?.of(title);
  await queryText(db, 'UPDATE posts SET title = $1, updated_at = now() WHERE id = $2', [title, id]);
  const committedAt = performance.now();
  const [row] = await queryText(db, 'SELECT pg_current_wal_insert_lsn() AS lsn');
  const headers = { [HEADER.minPosition]: `medium@${row!.lsn}`, [HEADER.waitMs]: String(WAIT_MS) };
  const answer = await service.request({ method: 'GET', path: `/api/posts/${slug}`, headers });
  const body = (await answer.body.json()) as { readonly title?: string };
  const answeredMs = performance.now() - committedAt;
  if (body.title !== title) throw new Error(`The service answered ${answer.statusCode} with ${body.title}`);
  return { answeredMs, arrivedMs: arrival && Math.max(0, (await arrival) - committedAt) };
}

/** When which text came out of a stream. */
class Arrivals {
  readonly #waiting = new Map<string, (at: number) => void>();
  #rest = '';

  constructor(stream: Readable) {
    stream.setEncoding('latin1').on('data', (piece: string) => {
      const at = performance.now();
      const text = this.#rest + piece;
      for (const [wanted, arrived] of this.#waiting) {
        if (!text.includes(wanted)) continue;
        this.#waiting.delete(wanted);
        arrived(at);
      }
      // A text may be cut in two by the pipe.
      this.#rest = text.slice(-100);
    });
  }

  of(text: string): Promise<number> {
    return new Promise((arrived) => this.#waiting.set(text, arrived));
  }
}

/** Undefined where there is no pg_recvlogical. */
async function watchArrivals({ held }: Bench, medium: RunningMedium): Promise<Arrivals | undefined> {
  const program = findPgRecvlogical();
  if (program === undefined) return undefined;
  await createSlot(medium.db, SLOT);
  const reader = { url: medium.environment.databaseUrl, slot: SLOT, publication: medium.publication };
  const child = startPgRecvlogical(program, reader, { file: '-' });
  held.defer(() => void child.kill());
  return new Arrivals(child.stdout!);
}
