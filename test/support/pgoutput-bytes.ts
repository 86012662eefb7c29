// Messages of logical replication put together byte by byte, as PostgreSQL's manual lists their fields
// (protocol-logicalrep-message-formats): the decoder's counterpart, written from the manual and not from the decoder.

export const u8 = (value: number): Buffer => Buffer.from([value]);
export const letter = (value: string): Buffer => Buffer.from(value, 'latin1');

export function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

export const text = (value: string): Buffer => Buffer.concat([Buffer.from(value), u8(0)]);
const counted = (value: string): Buffer => Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);

/** A value of a tuple: text, NULL, or the mark of an unchanged TOASTed one. */
export type Sent = string | null | 'UNCHANGED';

export function tuple(...values: readonly Sent[]): Buffer {
  return Buffer.concat([
    u16(values.length),
    ...values.map((value) => {
      if (value === null) return letter('n');
      return value === 'UNCHANGED' ? letter('u') : Buffer.concat([letter('t'), counted(value)]);
    }),
  ]);
}

export const begin = (finalLsn: bigint, micros: bigint, xid: number): Buffer =>
  Buffer.concat([letter('B'), u64(finalLsn), u64(micros), u32(xid)]);

export const commit = (commitLsn: bigint, endLsn: bigint, micros: bigint): Buffer =>
  Buffer.concat([letter('C'), u8(0), u64(commitLsn), u64(endLsn), u64(micros)]);

export const insert = (oid: number, row: Buffer): Buffer =>
  Buffer.concat([letter('I'), u32(oid), letter('N'), row]);

export const update = (oid: number, row: Buffer, kind?: 'K' | 'O', old?: Buffer): Buffer =>
  Buffer.concat([letter('U'), u32(oid), ...(kind && old ? [letter(kind), old] : []), letter('N'), row]);

export const remove = (oid: number, kind: 'K' | 'O', old: Buffer): Buffer =>
  Buffer.concat([letter('D'), u32(oid), letter(kind), old]);

export const truncate = (...oids: readonly number[]): Buffer =>
  Buffer.concat([letter('T'), u32(oids.length), u8(1), ...oids.map(u32)]);

export const message = (flags: number, lsn: bigint, prefix: string, content: string): Buffer =>
  Buffer.concat([letter('M'), u8(flags), u64(lsn), text(prefix), counted(content)]);

export const origin = (lsn: bigint, name: string): Buffer =>
  Buffer.concat([letter('O'), u64(lsn), text(name)]);

export const type = (oid: number, schema: string, name: string): Buffer =>
  Buffer.concat([letter('Y'), u32(oid), text(schema), text(name)]);

export interface SentColumn {
  readonly name: string;
  readonly typeOid: number;
  readonly isKey: boolean;
}

export const relation = (
  oid: number,
  schema: string,
  table: string,
  identity: string,
  columns: readonly SentColumn[],
): Buffer =>
  Buffer.concat([
    letter('R'),
    u32(oid),
    text(schema),
    text(table),
    letter(identity),
    u16(columns.length),
    ...columns.map(({ name, typeOid, isKey }) =>
      Buffer.concat([u8(isKey ? 1 : 0), text(name), u32(typeOid), u32(0xffff_ffff)]),
    ),
  ]);
