// The Ed25519 key that signs tokens: from the environment, or made once and kept in a file of mode 0600.
import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose';

export interface SigningKey {
  readonly privateKey: JWK;
  /** Without the secret part; with `kid`, `alg` and `use`: an entry of the JWKS document. */
  readonly publicKey: JWK;
}

/** `jwk` (JSON) wins; else the key in `file`, created when absent; else a key that lives as long as the process. */
export async function loadSigningKey(jwk: string | undefined, file: string | undefined): Promise<SigningKey> {
  if (jwk) return parse(jwk, 'MEDIUM_SIGNING_KEY');
  if (file) return parse(await keepInFile(file), file);
  return parse(await generate(), 'the new key');
}

async function keepInFile(file: string): Promise<string> {
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined) return kept;
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, await generate(), { mode: 0o600 });
  // A link appears whole or not at all, and never replaces: of two processes that start at once one key survives.
  await link(draft, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  await rm(draft);
  return await readFile(file, 'utf8');
}

async function generate(): Promise<string> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  return JSON.stringify(await exportJWK(privateKey));
}

async function parse(text: string, origin: string): Promise<SigningKey> {
  const { kty, crv, x, d } = JSON.parse(text) as JWK;
  if (kty !== 'OKP' || crv !== 'Ed25519' || !x || !d) {
    throw new Error(`${origin} must be a private Ed25519 key as a JWK (kty OKP, crv Ed25519, x, d)`);
  }
  const kid = await calculateJwkThumbprint({ kty, crv, x });
  return {
    privateKey: { kty, crv, x, d, alg: 'EdDSA' },
    publicKey: { kty, crv, x, kid, alg: 'EdDSA', use: 'sig' },
  };
}
