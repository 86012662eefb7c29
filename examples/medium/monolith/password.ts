// Password hashes: scrypt with a random salt, as `scrypt$<salt>$<hash>`.
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

const HASH_BYTES = 32;

export async function hashPassword(password: string, salt: Buffer = randomBytes(16)): Promise<string> {
  const hash = await derive(password, salt);
  return `scrypt$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

/** Takes as long without a stored hash, so that the time does not tell whether a member exists. */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  const [, salt = '', expected = ''] = stored?.split('$') ?? [];
  const hash = await derive(password, Buffer.from(salt, 'base64url'));
  const wanted = Buffer.from(expected, 'base64url');
  return wanted.length === hash.length && timingSafeEqual(wanted, hash);
}

function derive(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((done, fail) => {
    scrypt(password.normalize('NFKC'), salt, HASH_BYTES, (error, hash) => (error ? fail(error) : done(hash)));
  });
}
