// LSNs: text form both ways, and order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatLsn, lsn, maxLsn, parseLsn } from '../../src/kernel/lsn.ts';

test('every 64-bit place survives text and back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
      assert.equal(parseLsn(formatLsn(lsn(value))), value);
    }),
  );
});

test("PostgreSQL's form is read, in either case", () => {
  assert.equal(parseLsn('16/B374D848'), 0x16_b374_d848n);
  assert.equal(parseLsn('16/b374d848'), 0x16_b374_d848n);
  assert.equal(formatLsn(parseLsn('0/0')), '0/0');
});

for (const text of ['', '16', '16/', '/1', 'G/1', '0/123456789', ' 0/1', '0/1\n']) {
  test(`"${JSON.stringify(text)}" is refused`, () => {
    assert.throws(() => parseLsn(text), RangeError);
  });
}

test('the greater of two places', () => {
  assert.equal(maxLsn(parseLsn('1/0'), parseLsn('0/FFFFFFFF')), parseLsn('1/0'));
});
