// Who a session is: a seeded member, or, where the world is smaller than thought, a new one.
import { memberIdentity } from '../monolith/seed/rows.ts';
import { SEED_PASSWORD } from '../monolith/seed.ts';
import { textAt } from './json-path.ts';
import type { Session } from './session.ts';

export interface Account {
  readonly handle: string;
  readonly email: string;
  readonly name: string;
}

export const seededAccount = (memberId: number): Account => memberIdentity(memberId);

/** A member of this load's own; the same seed finds it again the next time. */
export function ownAccount(seed: number, number: number): Account {
  const handle = `visitor_${seed}_${number}`;
  return { handle, email: `${handle}@example.net`, name: `Visitor ${number}` };
}

/** Logs in, or signs up when there is no such member; false when neither worked this time. */
export async function enter(session: Session, account: Account): Promise<boolean> {
  if (session.isLoggedIn) return true;
  const { handle, email, name } = account;
  const logIn = { login: handle, password: SEED_PASSWORD };
  const known = await session.command('POST', '/api/login', logIn);
  const answer =
    known?.status === 401
      ? await session.command('POST', '/api/signup', { handle, email, name, password: SEED_PASSWORD })
      : known;
  const token = textAt(answer?.json, 'token');
  if (token !== undefined) session.logIn(token);
  return session.isLoggedIn;
}
