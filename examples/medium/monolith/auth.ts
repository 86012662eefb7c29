// Signing up, logging in, and the public key by which others check tokens.
import type { Pool } from 'pg';
import { badRequest, unauthorized } from './api-error.ts';
import { textField } from './field.ts';
import { hashPassword, isPassword } from './password.ts';
import type { ApiRequest, Reply, Route } from './router.ts';
import type { SigningKey } from './signing-key.ts';
import { issueToken } from './token.ts';

export function authRoutes(pool: Pool, key: SigningKey): readonly Route[] {
  return [
    { method: 'POST', pattern: '/api/signup', handle: (request) => signUp(pool, key, request) },
    { method: 'POST', pattern: '/api/login', handle: (request) => logIn(pool, key, request) },
    {
      method: 'GET',
      pattern: '/api/.well-known/jwks.json',
      handle: async () => ({ status: 200, body: { keys: [key.publicKey] } }),
    },
  ];
}

interface AccountRow {
  readonly id: string;
  readonly handle: string;
  readonly name: string;
  readonly avatar: string | null;
  readonly password_hash: string;
}

const ACCOUNT_COLUMNS = 'id, handle, name, avatar, password_hash';

async function signUp(pool: Pool, key: SigningKey, request: ApiRequest): Promise<Reply> {
  const body = await request.body();
  const handle = textField(body, 'handle', { min: 2, max: 30 }).toLowerCase();
  if (!/^[a-z0-9_]+$/.test(handle)) {
    throw badRequest('bad_field', '"handle" may hold letters, digits and underscores only.');
  }
  const email = textField(body, 'email', { min: 3, max: 200 }).toLowerCase();
  if (!/^[^\s@]+@[^\s@]+$/.test(email)) throw badRequest('bad_field', '"email" must be an email address.');
  const name = 'name' in body ? textField(body, 'name', { min: 1, max: 80 }) : handle;
  const passwordHash = await hashPassword(readPassword(body));
  const { rows } = await pool.query<AccountRow>(
    `insert into members (handle, email, name, avatar, password_hash) values ($1, $2, $3, $4, $5)
     returning ${ACCOUNT_COLUMNS}`,
    [handle, email, name, `gradient:${handle}`, passwordHash],
  );
  return { status: 201, body: await session(rows[0]!, key) };
}

/** `login` is a handle or an email. */
async function logIn(pool: Pool, key: SigningKey, request: ApiRequest): Promise<Reply> {
  const body = await request.body();
  const login = textField(body, 'login', { min: 1, max: 200 }).toLowerCase();
  const password = readPassword(body);
  const { rows } = await pool.query<AccountRow>(
    `select ${ACCOUNT_COLUMNS} from members where ${login.includes('@') ? 'email' : 'handle'} = $1`,
    [login],
  );
  const isRight = await isPassword(password, rows[0]?.password_hash);
  if (!isRight || !rows[0]) throw unauthorized('bad_credentials', 'Login or password is wrong.');
  return { status: 200, body: await session(rows[0], key) };
}

function readPassword(body: Readonly<Record<string, unknown>>): string {
  const { password } = body;
  if (typeof password !== 'string' || password.length < 6 || password.length > 200) {
    throw badRequest('bad_field', '"password" must have 6 to 200 characters.');
  }
  return password;
}

async function session({ id, handle, name, avatar }: AccountRow, key: SigningKey) {
  return { token: await issueToken({ id, handle }, key), member: { id, handle, name, avatar } };
}
