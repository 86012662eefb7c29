// Who is asking: bearer tokens, verified with the public key alone. And the example's way to say no.
import { readFileSync } from 'node:fs';
import { type QueryRequest, reply } from 'banyan';
import type { JWK } from 'jose';
import { readEnvironment } from '../environment.ts';
import { ApiError, unauthorized } from '../monolith/api-error.ts';
import { type Reader, verifyToken } from '../monolith/token.ts';

let known: JWK | undefined;

/** The public half of the key that the monolith signs with. */
function publicKey(): JWK {
  if (!known) {
    const text =
      process.env.MEDIUM_PUBLIC_KEY ??
      readFileSync(process.env.MEDIUM_KEY_FILE ?? readEnvironment().keyFile, 'utf8');
    const { kty, crv, x } = JSON.parse(text) as JWK;
    known = { kty, crv, x } as JWK;
  }
  return known;
}

type Call = Pick<QueryRequest, 'headers'>;

/** A query that knows its reader; a bad token is 401, and an `ApiError` becomes the answer that the monolith gives. */
export function withReader<C extends Call>(
  answer: (call: C, reader: Reader | null) => Promise<unknown>,
): (call: C) => Promise<unknown> {
  return async (call) => {
    try {
      const verification = await verifyToken(call.headers.authorization, publicKey());
      if (verification.kind === 'invalid') throw unauthorized('bad_token', verification.reason);
      return await answer(call, verification.kind === 'member' ? verification.reader : null);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return reply(error.status, { error: { code: error.code, message: error.message } });
    }
  };
}

export function requireReader(reader: Reader | null): Reader {
  if (!reader) throw unauthorized('token_required', 'Log in first: this needs a bearer token.');
  return reader;
}
