// For tests: the monolith in this process, on a PostgreSQL of its own, and a client that speaks its JSON.
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { startEmbeddedPostgres } from '../../../src/testing/embedded-postgres.ts';
import { migrate } from './database.ts';
import type { FullPost } from './post.ts';
import { seed } from './seed.ts';
import { startMonolith } from './server.ts';

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly json: T;
}

interface CallOptions {
  readonly token?: string;
  readonly body?: unknown;
}

export interface TestMonolith extends AsyncDisposable {
  readonly url: string;
  readonly databaseUrl: string;
  /** `T` is what the test expects the JSON to be; the assertions that follow check it. */
  call<T>(method: string, path: string, options?: CallOptions): Promise<Answer<T>>;
  /** The status and error code of an answer that must be an error. */
  refusal(method: string, path: string, options?: CallOptions): Promise<string>;
  /** A new member's token. */
  signUp(handle: string): Promise<string>;
  /** A new published story. */
  publish(token: string, title: string): Promise<FullPost>;
}

/** `name` is the folder of the database cluster, one per test file; `scale` fills it with seeded rows. */
export async function startTestMonolith(name: string, scale?: number): Promise<TestMonolith> {
  const dataDir = fileURLToPath(
    new URL(`../../../.data/test/medium-${name}-${process.pid}`, import.meta.url),
  );
  const database = await startEmbeddedPostgres({ dataDir, ephemeral: true });
  await migrate(database.url());
  if (scale !== undefined) await seed(database.url(), { scale });
  const monolith = await startMonolith({ databaseUrl: database.url() });

  async function call<T>(
    method: string,
    path: string,
    { token, body }: CallOptions = {},
  ): Promise<Answer<T>> {
    const response = await fetch(monolith.url + path, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = (text === '' ? undefined : JSON.parse(text)) as T;
    return { status: response.status, headers: response.headers, json };
  }

  return {
    url: monolith.url,
    databaseUrl: database.url(),
    call,
    refusal: async (method, path, options) => {
      const { status, json } = await call<{ error: { code: string; message: string } }>(
        method,
        path,
        options,
      );
      assert.ok(json.error.message.length > 0);
      return `${status} ${json.error.code}`;
    },
    signUp: async (handle) => {
      const body = {
        handle,
        email: `${handle}@example.org`,
        name: handle.toUpperCase(),
        password: 'secret!',
      };
      const { json } = await call<{ token: string }>('POST', '/api/signup', { body });
      return json.token;
    },
    publish: async (token, title) => {
      const body = { title, subtitle: 'A test', body: 'Once upon a time.' };
      const { json } = await call<FullPost>('POST', '/api/posts', { token, body });
      return (await call<FullPost>('POST', `/api/posts/${json.id}/publish`, { token })).json;
    },
    [Symbol.asyncDispose]: async () => {
      await monolith.close();
      await database.stop();
    },
  };
}
