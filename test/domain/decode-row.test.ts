// From PostgreSQL's texts to values: exactly, or not at all, and never with the value in the message.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeInstant, decodeRow } from '../../src/domain/decode-row.ts';
import type { ColumnKind, SourceTable } from '../../src/domain/source-schema.ts';
import { BanyanError } from '../../src/kernel/error.ts';

function tableOf(kind: ColumnKind, isNullable = false): SourceTable {
  return { schema: 'public', table: 'orders', key: ['v'], columns: { v: { kind, isNullable } } };
}

test('each kind is decoded without loss', () => {
  const cases: readonly (readonly [ColumnKind, string, unknown])[] = [
    ['text', '12.50', '12.50'],
    ['int', '-7', -7],
    ['bigint', '9223372036854775807', '9223372036854775807'],
    ['float', '1e-3', 0.001],
    ['float', '-Infinity', Number.NEGATIVE_INFINITY],
    ['float', 'NaN', Number.NaN],
    ['bool', 't', true],
    ['bool', 'f', false],
    ['instant', '2026-11-23 10:00:00+00', '2026-11-23T10:00:00.000Z'],
    ['json', '{"a": [1, null]}', { a: [1, null] }],
  ];
  for (const [kind, sent, value] of cases) {
    assert.deepEqual(decodeRow(tableOf(kind), { v: sent, other: 'not declared' }), { v: value });
    assert.deepEqual(decodeRow(tableOf(kind, true), { v: null }), { v: null });
  }
});

test('an instant keeps its microseconds, and what ISO 8601 cannot say stays as it is', () => {
  const cases = [
    ['2026-11-23 10:00:00.12+00', '2026-11-23T10:00:00.120Z'],
    ['2026-11-23 10:00:00.123456', '2026-11-23T10:00:00.123456Z'],
    ['12026-11-23 10:00:00+00', '12026-11-23T10:00:00.000Z'],
    ['infinity', 'infinity'],
    ['0044-03-15 12:00:00 BC', '0044-03-15 12:00:00 BC'],
  ];
  for (const [sent, value] of cases) assert.equal(decodeInstant(sent!), value);
});

test('what cannot be decoded is refused by column, never by value', () => {
  const cases: readonly (readonly [ColumnKind, string | null | undefined, string])[] = [
    ['text', undefined, 'the source did not send it: does the table have this column?'],
    ['text', null, 'it is NULL and declared as never being so'],
    ['int', '9007199254740993', 'it is no whole number that JavaScript can hold'],
    ['int', 'secret', 'it is no whole number that JavaScript can hold'],
    ['int', '', 'it is no whole number that JavaScript can hold'],
    ['bigint', '1.5', 'it is no whole number'],
    ['float', 'secret', 'it is no number'],
    ['float', '', 'it is no number'],
    ['bool', 'true', 'it is neither true nor false'],
    ['json', '{secret', 'it is no JSON'],
  ];
  for (const [kind, sent, why] of cases) {
    const fault = faultOf(() => decodeRow(tableOf(kind), sent === undefined ? {} : { v: sent }));
    assert.deepEqual(
      [fault.code, fault.message, fault.at, fault.why],
      ['EVENT_INVALID', 'Column orders.v cannot be read', 'public.orders', why],
    );
  }
});

function faultOf(act: () => unknown): BanyanError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof BanyanError, String(error));
    return error;
  }
  return assert.fail('it was decoded');
}
