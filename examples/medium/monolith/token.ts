// Bearer tokens: JWTs signed with Ed25519, so that anyone with the public key can tell who is asking.
import { errors, type JWK, jwtVerify, SignJWT } from 'jose';
import type { SigningKey } from './signing-key.ts';

const ISSUER = 'medium';

/** The member that a token speaks for. */
export interface Reader {
  readonly id: string;
  readonly handle: string;
}

export type Verification =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'member'; readonly reader: Reader }
  | { readonly kind: 'invalid'; readonly reason: string };

/** A token for seven days. */
export async function issueToken(reader: Reader, key: SigningKey): Promise<string> {
  return await new SignJWT({ handle: reader.handle })
    .setProtectedHeader({ alg: 'EdDSA', kid: key.publicKey.kid! })
    .setIssuer(ISSUER)
    .setSubject(reader.id)
    .setIssuedAt()
    .setExpirationTime('7d')
    .sign(key.privateKey);
}

/** Reads an `Authorization` header against the public key (`keys[0]` of the JWKS document). Never throws for bad tokens. */
export async function verifyToken(
  authorizationHeader: string | undefined,
  publicKey: JWK,
): Promise<Verification> {
  if (authorizationHeader === undefined || authorizationHeader === '') return { kind: 'anonymous' };
  const token = /^Bearer +([\w.-]+)$/i.exec(authorizationHeader)?.[1];
  if (!token) return { kind: 'invalid', reason: 'The Authorization header holds no bearer token.' };
  try {
    const { payload } = await jwtVerify(token, publicKey, { issuer: ISSUER, algorithms: ['EdDSA'] });
    const { sub, handle } = payload;
    if (sub === undefined || !/^[1-9]\d{0,18}$/.test(sub) || typeof handle !== 'string') {
      return { kind: 'invalid', reason: 'The token names no member.' };
    }
    return { kind: 'member', reader: { id: sub, handle } };
  } catch (error) {
    if (error instanceof errors.JWTExpired) return { kind: 'invalid', reason: 'The token has expired.' };
    if (error instanceof errors.JOSEError) return { kind: 'invalid', reason: 'The token is not genuine.' };
    throw error;
  }
}
