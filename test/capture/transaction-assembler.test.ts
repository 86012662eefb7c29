// From messages to whole transactions: a relation is a new version only when its shape differs, nothing stands outside a
// transaction, and of the messages only ours are kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceTransaction } from '../../src/capture/change.ts';
import { decodeMessage } from '../../src/capture/postgres/pgoutput/decode-message.ts';
import { TransactionAssembler } from '../../src/capture/postgres/transaction-assembler.ts';
import { BanyanError } from '../../src/kernel/error.ts';
import * as sent from '../support/pgoutput-bytes.ts';

const ID = { name: 'id', typeOid: 20, isKey: true };
const NAME = { name: 'name', typeOid: 25, isKey: false };
const BEGIN = sent.begin(0x1_0000_0000n, 0n, 4_000_000_000);
const COMMIT = sent.commit(0x1_0000_0000n, 0x1_0000_0030n, 1_999_999n);

/** The transactions that these messages complete. */
function assemble(assembler: TransactionAssembler, ...messages: readonly Buffer[]): SourceTransaction[] {
  return messages.flatMap((bytes) => assembler.take(decodeMessage(bytes)) ?? []);
}

test('a transaction is answered whole, with its commit, and not before', () => {
  const assembler = new TransactionAssembler();
  const start = [BEGIN, sent.relation(5, 'public', 't', 'd', [ID]), sent.insert(5, sent.tuple('1'))];
  assert.deepEqual(assemble(assembler, ...start), []);
  assert.equal(assembler.isInTransaction, true);
  assert.deepEqual(assemble(assembler, sent.truncate(5), sent.remove(5, 'K', sent.tuple('1')), COMMIT), [
    {
      xid: 4_000_000_000,
      commitLsn: '1/0',
      endLsn: '1/30',
      committedAt: '2000-01-01T00:00:01.999Z',
      relations: [{ id: '5.1', schema: 'public', table: 't', replicaIdentity: 'default', columns: [ID] }],
      changes: [
        { op: 'insert', relation: '5.1', row: ['1'] },
        { op: 'truncate', relations: ['5.1'] },
        { op: 'delete', relation: '5.1', old: ['1'] },
      ],
    },
  ]);
  assert.equal(assembler.isInTransaction, false);
});

test('a table announced again is a new version only when its shape differs, and later changes name that one', () => {
  const assembler = new TransactionAssembler();
  const narrow = sent.relation(5, 'public', 't', 'd', [ID]);
  const wide = sent.relation(5, 'public', 't', 'd', [ID, NAME]);
  const full = sent.relation(5, 'public', 't', 'f', [ID, NAME]);
  const [first, second] = assemble(
    assembler,
    ...[BEGIN, narrow, narrow, sent.insert(5, sent.tuple('1'))],
    ...[narrow, wide, sent.insert(5, sent.tuple('2', 'b')), COMMIT],
    ...[
      BEGIN,
      wide,
      sent.insert(5, sent.tuple('3', 'c')),
      full,
      sent.insert(5, sent.tuple('4', 'd')),
      COMMIT,
    ],
  );
  assert.deepEqual(
    first!.changes.map((change) => 'relation' in change && change.relation),
    ['5.1', '5.2'],
  );
  assert.deepEqual(
    first!.relations.map(({ id, columns }) => [id, columns.length]),
    [
      ['5.1', 1],
      ['5.2', 2],
    ],
  );
  assert.deepEqual(
    second!.relations.map(({ id, replicaIdentity }) => [id, replicaIdentity]),
    [['5.3', 'full']],
  );
});

test('of the messages, transactional ones of ours are kept in their place', () => {
  const [transaction] = assemble(
    new TransactionAssembler(),
    sent.message(0, 1n, 'banyan.chunk', 'before'),
    ...[BEGIN, sent.origin(1n, 'elsewhere'), sent.message(1, 2n, 'banyan.chunk', 'mine')],
    ...[sent.message(1, 3n, 'other', 'theirs'), sent.message(0, 4n, 'banyan.chunk', 'survives a rollback')],
    ...[sent.type(1, 'public', 'mood'), COMMIT],
  );
  assert.deepEqual(transaction!.changes, [{ op: 'message', prefix: 'banyan.chunk', content: 'mine' }]);
  assert.equal(transaction!.origin, 'elsewhere');
});

test('a change outside a transaction, or of a table that was not announced, is refused', () => {
  const outside = [
    sent.insert(5, sent.tuple('1')),
    COMMIT,
    sent.origin(1n, 'x'),
    sent.message(1, 1n, 'banyan', ''),
  ];
  for (const bytes of outside) assertRefused([bytes]);
  assertRefused([BEGIN, sent.insert(5, sent.tuple('1'))]);
  assertRefused([BEGIN, sent.truncate(5)]);
  assertRefused([sent.relation(5, 'public', 't', '?', [])]);
});

function assertRefused(messages: readonly Buffer[]): void {
  assert.throws(
    () => assemble(new TransactionAssembler(), ...messages),
    (error) => error instanceof BanyanError && error.code === 'REPLICATION_PROTOCOL',
  );
}

test('a transaction that is passed over leaves the relations that it announced to the next one', () => {
  const assembler = new TransactionAssembler();
  const relation = sent.relation(5, 'public', 't', 'd', [ID]);
  const [first] = assemble(assembler, BEGIN, relation, sent.message(1, 2n, 'other', ''), COMMIT);
  assert.deepEqual([first!.changes, first!.relations.map(({ id }) => id)], [[], ['5.1']]);
  assembler.passOver(first!);
  const wide = sent.relation(6, 'public', 'u', 'd', [ID]);
  const [second] = assemble(assembler, BEGIN, wide, sent.insert(5, sent.tuple('1')), COMMIT);
  assert.deepEqual(
    second!.relations.map(({ id }) => id),
    ['5.1', '6.1'],
  );
});
