// What a log is called in its database: its schema, its advisory locks, its channel. All follow from the schema's name,
// so that every process means the same.
import { createHash } from 'node:crypto';
import { quoteName } from '../../postgres/connect.ts';

/** An in-flight lock is this many low bits of position below the log's own number. */
export const POSITION_BITS = 48;
export const POSITION_MAX = 2 ** POSITION_BITS - 1;

export interface LogNames {
  readonly name: string;
  /** The name quoted, as it stands in SQL. */
  readonly schema: string;
  /** The in-flight lock of position 0; that of position p is p more. */
  readonly inFlightKey: string;
  /** Wakes readers; needs no quotes. */
  readonly channel: string;
}

/** Throws a RangeError on a name that PostgreSQL would cut off. */
export function logNames(schema: string): LogNames {
  if (schema === '' || Buffer.byteLength(schema) > 63 || schema.includes('\0')) {
    throw new RangeError(`Schema name is ${JSON.stringify(schema)} (expected 1 to 63 bytes)`);
  }
  const digest = createHash('sha256').update(schema).digest();
  // 15 bits that are not all 0: apart from the small and the negative numbers that others like to take for locks.
  const number = BigInt(digest.readUInt16BE(0) & 0x7fff || 1);
  return {
    name: schema,
    schema: quoteName(schema),
    inFlightKey: String(number << BigInt(POSITION_BITS)),
    channel: `banyan_${digest.toString('hex', 2, 12)}`,
  };
}
