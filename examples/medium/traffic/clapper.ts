// A clapper claps for stories of the feed, looks whether it counted, and looks again later.
import type { Random } from '../monolith/seed/random.ts';
import { listAt, numberAt, textAt } from './json-path.ts';
import type { Answer, Session } from './session.ts';

/** The most claps of its own that a session was shown, per story. */
export type OwnClaps = Map<string, number>;

/** `deleted`: stories that a writer of the same load has begun to delete; they may be missing. */
export async function visitAsClapper(
  session: Session,
  random: Random,
  own: OwnClaps,
  deleted: ReadonlySet<string>,
): Promise<void> {
  const feed = await session.query(`/api/feed?limit=${5 + random.integer(20)}`);
  const cards = listAt(feed?.json, 'posts');
  for (let story = 0; story < 3 && cards.length > 0; story++) {
    const id = textAt(random.pick(cards), 'id');
    if (id !== undefined && !deleted.has(id)) await clap(session, random, id, own, deleted);
  }
  const revisited = [...own.keys()].slice(-20);
  if (revisited.length > 0) await look(session, random.pick(revisited), own, deleted);
}

async function clap(
  session: Session,
  random: Random,
  id: string,
  own: OwnClaps,
  deleted: ReadonlySet<string>,
): Promise<void> {
  const answer = await session.command('POST', `/api/posts/${id}/claps`, { count: 1 + random.integer(6) });
  const told = answer?.status === 200 ? numberAt(answer.json, 'memberClaps') : undefined;
  if (told === undefined) return;
  const seen = await session.query(`/api/posts/${id}/claps`);
  if (!deleted.has(id)) {
    session.check('readYourWrites', seen, ({ json }) => (numberAt(json, 'readerClaps') ?? -1) >= told, {
      expected: `readerClaps of at least ${told}`,
      found: (json) => json,
    });
  }
  remember(own, id, told);
  rememberSeen(own, id, seen);
}

async function look(
  session: Session,
  id: string,
  own: OwnClaps,
  deleted: ReadonlySet<string>,
): Promise<void> {
  const atLeast = own.get(id) ?? 0;
  const seen = await session.query(`/api/posts/${id}/claps`);
  if (deleted.has(id)) return;
  session.check('monotonicReads', seen, ({ json }) => (numberAt(json, 'readerClaps') ?? -1) >= atLeast, {
    expected: `readerClaps of at least ${atLeast}, as seen before`,
    found: (json) => json,
  });
  rememberSeen(own, id, seen);
}

function rememberSeen(own: OwnClaps, id: string, seen: Answer | null): void {
  remember(own, id, numberAt(seen?.json, 'readerClaps') ?? 0);
}

function remember(own: OwnClaps, id: string, count: number): void {
  own.set(id, Math.max(own.get(id) ?? 0, count));
}
