// Member profiles: who someone is, their stories, and the claps for all of them.
import { defineDomain, int, type ReaderOf, type RowIn, type TableRow, table, text } from 'banyan';
import { notFound, unauthorized } from '../monolith/api-error.ts';
import { clapEvents, memberEvents, postEvents, publicationEvents } from './events.ts';
import { medium } from './monolith.ts';
import { requireReader, withReader } from './session.ts';
import { CARD, CARD_SELECT, followCards, followPeople, storyTables, toCard } from './story.ts';

const MEMBER = {
  id: int(),
  handle: text(),
  email: text(),
  name: text(),
  bio: text(),
  avatar: text().nullable(),
  joined_at: text(),
};
const members = table({ key: ['id'], columns: MEMBER, indexes: [['handle']] });

export const profiles = defineDomain({
  name: 'profiles',
  source: medium,
  events: memberEvents,
  listensTo: [postEvents, publicationEvents, clapEvents],

  capture: {
    members: {
      stream: (row) => `member-${row.id}`,
      insert: (emit, row) => emit.MemberRegistered({ ...profileOf(row), registeredAt: row.created_at }),
      update: (emit, row, before) =>
        JSON.stringify(profileOf(row)) !== JSON.stringify(profileOf(before)) &&
        emit.ProfileEdited(profileOf(row)),
      delete: (emit, before) => emit.MemberRemoved({ memberId: before.id }),
      backfill: (emit, row) => emit.MemberRegistered({ ...profileOf(row), registeredAt: row.created_at }),
    },
  },

  projection: {
    version: 1,
    tables: { members, ...storyTables },
    on: {
      ...followCards,
      MemberRegistered: (event, tables) => {
        followPeople.MemberRegistered(event, tables);
        const { memberId, registeredAt, ...profile } = event.data;
        tables.members.upsert({ id: Number(memberId), ...profile, joined_at: registeredAt });
      },
      ProfileEdited: (event, tables) => {
        followPeople.ProfileEdited(event, tables);
        const { memberId, ...profile } = event.data;
        tables.members.patch({ id: Number(memberId) }, profile);
      },
      MemberRemoved: (event, tables) => {
        followPeople.MemberRemoved(event, tables);
        tables.members.delete({ id: Number(event.data.memberId) });
      },
    },
  },

  queries: {
    'GET /api/members/:handle': withReader(async ({ params, read }) => {
      const [member] = await read.all('select * from members where handle = $1', [params.handle], MEMBER);
      if (!member) throw notFound('member');
      return profile(read, member);
    }),
    'GET /api/me': withReader(async ({ read }, reader) => {
      const member = await read.get('members', { id: Number(requireReader(reader).id) });
      if (!member) throw unauthorized('member_unknown', 'The token names no member.');
      return { ...(await profile(read, member)), email: member.email };
    }),
  },
  commands: ['POST /api/signup', 'POST /api/login', 'PUT /api/me'],
});

/** What a profile shows, and what every profile event tells. */
function profileOf(row: RowIn<typeof medium, 'members'>) {
  const { id, handle, email, name, bio, avatar } = row;
  return { memberId: id, handle, email, name, bio, avatar };
}

/** Their newest fifty stories, and the claps for all of them: one store, two statements, one snapshot. */
async function profile(read: ReaderOf<typeof storyTables>, member: TableRow<typeof members>) {
  const stories = await read.all(
    `${CARD_SELECT} where s.author_id = $1 and s.live_since is not null order by s.live_since desc, s.id desc limit 50`,
    [member.id],
    CARD,
  );
  const [claps] = await read.all(
    `select coalesce(sum(c.total), 0) as total from stories s join applause c on c.post_id = s.id
     where s.author_id = $1 and s.live_since is not null`,
    [member.id],
    { total: int() },
  );
  const { id, handle, name, bio, avatar, joined_at: joinedAt } = member;
  return {
    id: String(id),
    handle,
    name,
    bio,
    avatar,
    joinedAt,
    totalClaps: claps!.total,
    stories: stories
      .map(toCard)
      .map(({ author: _, publication, claps: given, ...story }) => ({ ...story, claps: given, publication })),
  };
}
