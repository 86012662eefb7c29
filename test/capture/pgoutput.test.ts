// The decoder of logical replication on bytes: each message field by field, and whatever is not exactly a message is
// refused. The bytes follow PostgreSQL's manual, not the decoder.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { UNCHANGED } from '../../src/capture/change.ts';
import { decodeMessage } from '../../src/capture/postgres/pgoutput/decode-message.ts';
import { BanyanError } from '../../src/kernel/error.ts';
import * as sent from '../support/pgoutput-bytes.ts';

const NUMBER = 0xffff_fffe; // Above 2^31: ids and OIDs have no sign.
const ROW = sent.tuple('7', null, 'UNCHANGED', '', 'żółw 🐢');
const DECODED = ['7', null, UNCHANGED, '', 'żółw 🐢'];
const COLUMNS = [
  { name: 'id', typeOid: 20, isKey: true },
  { name: 'naïve "name"', typeOid: NUMBER, isKey: false },
];

const MESSAGES: readonly (readonly [name: string, bytes: Buffer, message: unknown])[] = [
  [
    'begin',
    sent.begin(0xffff_ffff_ffff_fff0n, 840_000_000_123_456n, NUMBER),
    { type: 'begin', finalLsn: 0xffff_ffff_ffff_fff0n, committedAt: 840_000_000_123_456n, xid: NUMBER },
  ],
  [
    'commit',
    sent.commit(0x1_0000_0001n, 0x1_0000_0031n, 5n),
    { type: 'commit', commitLsn: 0x1_0000_0001n, endLsn: 0x1_0000_0031n, committedAt: 5n },
  ],
  [
    'relation',
    sent.relation(NUMBER, 'public', 'orders', 'd', COLUMNS),
    {
      type: 'relation',
      oid: NUMBER,
      schema: 'public',
      table: 'orders',
      replicaIdentity: 'd',
      columns: COLUMNS,
    },
  ],
  [
    'relation of the system schema, whose name is empty',
    sent.relation(9, '', 't', 'f', []),
    { type: 'relation', oid: 9, schema: 'pg_catalog', table: 't', replicaIdentity: 'f', columns: [] },
  ],
  ['insert', sent.insert(NUMBER, ROW), { type: 'insert', oid: NUMBER, row: DECODED }],
  ['insert without columns', sent.insert(1, sent.tuple()), { type: 'insert', oid: 1, row: [] }],
  ['update', sent.update(8, ROW), { type: 'update', oid: 8, row: DECODED, old: undefined }],
  [
    'update of the key',
    sent.update(8, ROW, 'K', sent.tuple('6', null)),
    { type: 'update', oid: 8, row: DECODED, old: ['6', null] },
  ],
  [
    'update under REPLICA IDENTITY FULL',
    sent.update(8, ROW, 'O', sent.tuple('6', 'x')),
    { type: 'update', oid: 8, row: DECODED, old: ['6', 'x'] },
  ],
  ['delete by key', sent.remove(8, 'K', ROW), { type: 'delete', oid: 8, old: DECODED }],
  ['delete of a whole row', sent.remove(8, 'O', ROW), { type: 'delete', oid: 8, old: DECODED }],
  ['truncate', sent.truncate(8, NUMBER), { type: 'truncate', oids: [8, NUMBER] }],
  [
    'transactional message',
    sent.message(1, 77n, 'banyan.chunk', '{"a":"ü"}'),
    { type: 'message', isTransactional: true, lsn: 77n, prefix: 'banyan.chunk', content: '{"a":"ü"}' },
  ],
  [
    'message outside any transaction',
    sent.message(0, 77n, '', ''),
    { type: 'message', isTransactional: false, lsn: 77n, prefix: '', content: '' },
  ],
  ['origin', sent.origin(3n, 'node_a'), { type: 'origin', name: 'node_a' }],
  ['type', sent.type(NUMBER, 'public', 'mood'), { type: 'type' }],
];

for (const [name, bytes, message] of MESSAGES) {
  test(`${name}: read field by field, wherever it begins in its frame`, () => {
    assert.deepEqual(decodeMessage(bytes), message);
    assert.deepEqual(decodeMessage(Buffer.concat([Buffer.alloc(25, 0x49), bytes]), 25), message);
  });

  test(`${name}: refused when it was cut anywhere, or goes on behind its end`, () => {
    for (let length = 0; length < bytes.length; length += 1) assertRefused(bytes.subarray(0, length));
    assertRefused(Buffer.concat([bytes, Buffer.alloc(1)]));
  });
}

test('every message type of protocol version 1 is among these', () => {
  const types = new Set(MESSAGES.map(([, bytes]) => String.fromCharCode(bytes[0]!)));
  assert.deepEqual([...types].sort(), ['B', 'C', 'D', 'I', 'M', 'O', 'R', 'T', 'U', 'Y']);
});

test('an unknown type, a streamed transaction and a tuple of an unknown kind are refused', () => {
  for (const type of ['S', 'E', 'c', 'A', 'b', 'i', '\0']) assertRefused(sent.letter(type));
  assertRefused(Buffer.concat([sent.letter('I'), sent.u32(1), sent.letter('O'), ROW]));
  assertRefused(Buffer.concat([sent.letter('D'), sent.u32(1), sent.letter('N'), ROW]));
  assertRefused(Buffer.concat([sent.letter('U'), sent.u32(1), sent.letter('X'), ROW]));
  assertRefused(Buffer.concat([sent.letter('U'), sent.u32(1), sent.letter('K'), ROW, sent.letter('O'), ROW]));
  const binary = Buffer.concat([sent.u16(1), sent.letter('b'), sent.u32(1), sent.u8(7)]);
  assertRefused(sent.insert(1, binary));
});

test('a length that lies about what follows is refused without making room for it', () => {
  const field = (length: number): Buffer =>
    Buffer.concat([sent.u16(1), sent.letter('t'), sent.u32(length), Buffer.from('abc')]);
  for (const length of [2, 4, 0x7fff_ffff, 0xffff_ffff]) assertRefused(sent.insert(1, field(length)));
  assertRefused(Buffer.concat([sent.letter('T'), sent.u32(0xffff_ffff), sent.u8(0), sent.u32(1)]));
  assertRefused(Buffer.concat([sent.letter('I'), sent.u32(1), sent.letter('N'), sent.u16(0xffff)]));
});

test('mutated and random bytes are a message or are refused, and nothing else', () => {
  const mutated = fc
    .tuple(
      fc.constantFrom(...MESSAGES.map(([, bytes]) => bytes)),
      fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { minLength: 1, maxLength: 6 }),
    )
    .map(([bytes, places]) => {
      const copy = Buffer.from(bytes);
      for (const [at, value] of places) copy[at % copy.length] = value;
      return copy;
    });
  const random = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(fc.oneof(mutated, random), (bytes) => {
      try {
        assert.equal(typeof decodeMessage(bytes).type, 'string');
      } catch (error) {
        assert.ok(error instanceof BanyanError && error.code === 'REPLICATION_PROTOCOL', String(error));
      }
    }),
    { numRuns: 5_000 },
  );
});

function assertRefused(bytes: Buffer): void {
  assert.throws(
    () => decodeMessage(bytes),
    (error) =>
      error instanceof BanyanError && error.code === 'REPLICATION_PROTOCOL' && error.why !== undefined,
    bytes.toString('hex'),
  );
}
