// A place in the source database's write-ahead log: an unsigned 64-bit number, written `16/B374D848`.

declare const lsnBrand: unique symbol;
export type Lsn = bigint & { readonly [lsnBrand]: true };

/** Before every place; what a source that has delivered nothing stands at. */
export const LSN_ZERO = 0n as Lsn;

export function lsn(value: bigint): Lsn {
  return value as Lsn;
}

/** Reads PostgreSQL's text form. Throws a RangeError on anything else. */
export function parseLsn(text: string): Lsn {
  const halves = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text);
  if (!halves) throw new RangeError(`Not an LSN: "${text}" (expected the form 16/B374D848)`);
  return ((BigInt(`0x${halves[1]}`) << 32n) | BigInt(`0x${halves[2]}`)) as Lsn;
}

export function formatLsn(value: Lsn): string {
  return `${(value >> 32n).toString(16).toUpperCase()}/${(value & 0xffffffffn).toString(16).toUpperCase()}`;
}

export function maxLsn(a: Lsn, b: Lsn): Lsn {
  return a > b ? a : b;
}
