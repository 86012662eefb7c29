// Publications: a name under which members gather stories.
import { defineDomain, int, type ReaderOf, type RowIn, table, text } from 'banyan';
import { notFound } from '../monolith/api-error.ts';
import { clapEvents, memberEvents, postEvents, publicationEvents } from './events.ts';
import { medium } from './monolith.ts';
import { withReader } from './session.ts';
import { CARD, CARD_SELECT, followCards, followImprints, storyTables, toCard } from './story.ts';

const publicationsTable = table({
  key: ['id'],
  columns: { id: int(), slug: text(), name: text(), tagline: text(), owner_id: int(), founded_at: text() },
  indexes: [['slug']],
});

const SELECT = `select b.id, b.slug, b.name, b.tagline, b.founded_at,
    o.id as owner_id, o.handle as owner_handle, o.name as owner_name, o.avatar as owner_avatar
  from publications b join people o on o.id = b.owner_id`;
const PUBLICATION = {
  id: int(),
  slug: text(),
  name: text(),
  tagline: text(),
  founded_at: text(),
  owner_id: int(),
  owner_handle: text(),
  owner_name: text(),
  owner_avatar: text().nullable(),
};

export const publications = defineDomain({
  name: 'publications',
  source: medium,
  events: publicationEvents,
  listensTo: [memberEvents, postEvents, clapEvents],

  capture: {
    publications: {
      stream: (row) => `publication-${row.id}`,
      insert: (emit, row) => emit.PublicationFounded({ ...factsOf(row), foundedAt: row.created_at }),
      update: (emit, row, before) =>
        JSON.stringify(factsOf(row)) !== JSON.stringify(factsOf(before)) &&
        emit.PublicationEdited(factsOf(row)),
      delete: (emit, before) => emit.PublicationClosed({ publicationId: before.id }),
      backfill: (emit, row) => emit.PublicationFounded({ ...factsOf(row), foundedAt: row.created_at }),
    },
  },

  projection: {
    version: 1,
    tables: { publications: publicationsTable, ...storyTables },
    on: {
      ...followCards,
      PublicationFounded: (event, tables) => {
        followImprints.PublicationFounded(event, tables);
        const { publicationId, ownerId, foundedAt, ...facts } = event.data;
        tables.publications.upsert({
          id: Number(publicationId),
          owner_id: Number(ownerId),
          ...facts,
          founded_at: foundedAt,
        });
      },
      PublicationEdited: (event, tables) => {
        followImprints.PublicationEdited(event, tables);
        const { publicationId, ownerId, ...facts } = event.data;
        tables.publications.patch({ id: Number(publicationId) }, { owner_id: Number(ownerId), ...facts });
      },
      PublicationClosed: (event, tables) => {
        followImprints.PublicationClosed(event, tables);
        tables.publications.delete({ id: Number(event.data.publicationId) });
      },
    },
  },

  queries: {
    'GET /api/publications': withReader(async ({ read }) => {
      const rows = await read.all(`${SELECT} order by b.name, b.id`, [], PUBLICATION);
      return { publications: rows.map(toPublication) };
    }),
    'GET /api/publications/:slug': withReader(async ({ params, read }) => {
      const [found] = await read.all(`${SELECT} where b.slug = $1`, [params.slug], PUBLICATION);
      if (!found) throw notFound('publication');
      return { ...toPublication(found), ...(await storiesOf(read, found.id)) };
    }),
  },
  commands: ['POST /api/publications'],
});

function factsOf({ id, slug, name, tagline, owner_id: ownerId }: RowIn<typeof medium, 'publications'>) {
  return { publicationId: id, slug, name, tagline, ownerId };
}

/** Its newest fifty stories, and the claps for all of them. */
async function storiesOf(read: ReaderOf<typeof storyTables>, id: number) {
  const stories = await read.all(
    `${CARD_SELECT} where s.publication_id = $1 and s.live_since is not null order by s.live_since desc, s.id desc limit 50`,
    [id],
    CARD,
  );
  const [claps] = await read.all(
    `select coalesce(sum(c.total), 0) as total from stories s join applause c on c.post_id = s.id
     where s.publication_id = $1 and s.live_since is not null`,
    [id],
    { total: int() },
  );
  return { stories: stories.map(toCard), totalClaps: claps!.total };
}

function toPublication(row: {
  readonly id: number;
  readonly slug: string;
  readonly name: string;
  readonly tagline: string;
  readonly founded_at: string;
  readonly owner_id: number;
  readonly owner_handle: string;
  readonly owner_name: string;
  readonly owner_avatar: string | null;
}) {
  return {
    id: String(row.id),
    slug: row.slug,
    name: row.name,
    tagline: row.tagline,
    owner: {
      id: String(row.owner_id),
      handle: row.owner_handle,
      name: row.owner_name,
      avatar: row.owner_avatar,
    },
    createdAt: row.founded_at,
  };
}
