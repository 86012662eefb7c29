// UUIDv7 (RFC 9562): time-ordered, from a clock or derived from a name so that a retry makes the same id.
import { createHash, randomBytes } from 'node:crypto';

export function uuidv7(timeMs: number = Date.now()): string {
  return layOut(timeMs, randomBytes(10));
}

/** The same time and name always give the same id; ids of one time are spread by the hash of the name. */
export function derivedUuid(timeMs: number, name: string): string {
  return layOut(timeMs, createHash('sha256').update(name).digest().subarray(0, 10));
}

function layOut(timeMs: number, random: Uint8Array): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(timeMs, 0, 6);
  bytes.set(random, 6);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
