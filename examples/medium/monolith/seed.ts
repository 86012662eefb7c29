// Fills an empty database with a made-up world, always the same one. Run by hand: `DATABASE_URL=… SCALE=1 node seed.ts`.
import { Client } from 'pg';
import { migrate } from './database.ts';
import { hashPassword } from './password.ts';
import {
  makeClaps,
  makeMembers,
  makePosts,
  makePublications,
  type SeedCounts,
  seedCounts,
} from './seed/rows.ts';

/** Every seeded member's password. */
export const SEED_PASSWORD = 'banyan';
const SEED = 1969;
const BATCH_ROWS = 10_000;
const POST_BATCH_ROWS = 250;

/** Creates the schema if need be and loads the rows in one transaction; null when there are members already. */
export async function seed(
  databaseUrl: string,
  { scale = 1 }: { readonly scale?: number } = {},
): Promise<SeedCounts | null> {
  await migrate(databaseUrl);
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from members limit 1');
    if (rowCount) return null;
    const counts = seedCounts(scale);
    await client.query('begin');
    await loadMembers(client, counts);
    await loadPublications(client, counts);
    const published = await loadPosts(client, counts);
    await loadClaps(client, counts, published);
    for (const table of ['members', 'publications', 'posts']) {
      await client.query(
        `select setval(pg_get_serial_sequence('${table}', 'id'), (select max(id) from ${table}))`,
      );
    }
    await client.query('commit');
    await client.query('analyze members, publications, posts, claps');
    return counts;
  } finally {
    await client.end();
  }
}

type Columns = readonly (readonly [name: string, type: string])[];

/** One statement for many rows: an array per column, unnested side by side. */
async function insertRows(
  client: Client,
  table: string,
  columns: Columns,
  rows: readonly (readonly unknown[])[],
): Promise<void> {
  const names = columns.map(([name]) => name).join(', ');
  const arrays = columns.map(([, type], at) => `$${at + 1}::${type}[]`).join(', ');
  await client.query(
    `insert into ${table} (${names}) select * from unnest(${arrays})`,
    columns.map((_, at) => rows.map((row) => row[at])),
  );
}

const MEMBER_COLUMNS: Columns = [
  ['id', 'bigint'],
  ['handle', 'text'],
  ['email', 'text'],
  ['name', 'text'],
  ['bio', 'text'],
  ['avatar', 'text'],
  ['password_hash', 'text'],
  ['created_at', 'timestamptz'],
  ['updated_at', 'timestamptz'],
];

async function loadMembers(client: Client, counts: SeedCounts): Promise<void> {
  // One salt for all, so that the rows are the same every time: fit for an example, for nothing else.
  const passwordHash = await hashPassword(SEED_PASSWORD, Buffer.from('banyan-seed-salt'));
  const rows = makeMembers(SEED, counts.members).map((member, at) => [
    at + 1,
    member.handle,
    member.email,
    member.name,
    member.bio,
    member.avatar,
    passwordHash,
    member.createdAt,
    member.createdAt,
  ]);
  for (const batch of batches(rows, BATCH_ROWS)) await insertRows(client, 'members', MEMBER_COLUMNS, batch);
}

const PUBLICATION_COLUMNS: Columns = [
  ['id', 'bigint'],
  ['slug', 'text'],
  ['name', 'text'],
  ['tagline', 'text'],
  ['owner_id', 'bigint'],
  ['created_at', 'timestamptz'],
  ['updated_at', 'timestamptz'],
];

async function loadPublications(client: Client, counts: SeedCounts): Promise<void> {
  const rows = makePublications(SEED, counts).map((publication, at) => [
    at + 1,
    publication.slug,
    publication.name,
    publication.tagline,
    publication.ownerId,
    publication.createdAt,
    publication.createdAt,
  ]);
  await insertRows(client, 'publications', PUBLICATION_COLUMNS, rows);
}

const POST_COLUMNS: Columns = [
  ['id', 'bigint'],
  ['slug', 'text'],
  ['title', 'text'],
  ['subtitle', 'text'],
  ['body', 'text'],
  ['thumbnail', 'text'],
  ['status', 'text'],
  ['author_id', 'bigint'],
  ['publication_id', 'bigint'],
  ['created_at', 'timestamptz'],
  ['updated_at', 'timestamptz'],
  ['published_at', 'timestamptz'],
  ['deleted_at', 'timestamptz'],
];

async function loadPosts(client: Client, counts: SeedCounts) {
  const published: { id: number; publishedAt: Date }[] = [];
  let batch: (readonly unknown[])[] = [];
  let id = 0;
  for (const post of makePosts(SEED, counts)) {
    id += 1;
    if (post.publishedAt) published.push({ id, publishedAt: post.publishedAt });
    batch.push([
      id,
      post.slug,
      post.title,
      post.subtitle,
      post.body,
      post.thumbnail,
      post.status,
      post.authorId,
      post.publicationId,
      post.createdAt,
      post.updatedAt,
      post.publishedAt,
      post.deletedAt,
    ]);
    if (batch.length < POST_BATCH_ROWS && id < counts.posts) continue;
    await insertRows(client, 'posts', POST_COLUMNS, batch);
    batch = [];
  }
  return published;
}

const CLAP_COLUMNS: Columns = [
  ['post_id', 'bigint'],
  ['member_id', 'bigint'],
  ['count', 'smallint'],
  ['updated_at', 'timestamptz'],
];

async function loadClaps(
  client: Client,
  counts: SeedCounts,
  published: readonly { readonly id: number; readonly publishedAt: Date }[],
): Promise<void> {
  // In key order: the index pages fill one after the other, a third faster than in the order of chance.
  const rows = makeClaps(SEED, counts, published)
    .sort((a, b) => a.postId - b.postId || a.memberId - b.memberId)
    .map((clap) => [clap.postId, clap.memberId, clap.count, clap.updatedAt] as const);
  for (const batch of batches(rows, BATCH_ROWS)) await insertRows(client, 'claps', CLAP_COLUMNS, batch);
}

function* batches<T>(rows: readonly T[], size: number): Generator<readonly T[]> {
  for (let from = 0; from < rows.length; from += size) yield rows.slice(from, from + size);
}

if (import.meta.main) {
  const { DATABASE_URL, SCALE } = process.env;
  if (!DATABASE_URL) throw new Error('Set DATABASE_URL to the PostgreSQL database to fill');
  console.log(await seed(DATABASE_URL, { scale: Number(SCALE ?? 1) }));
}
