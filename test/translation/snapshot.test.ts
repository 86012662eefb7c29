// Which transactions a snapshot sees: the log has the lower 32 bits of an id, a snapshot all 64, and ids wrap around.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseSnapshot, sees } from '../../src/translation/snapshot.ts';

test('a snapshot is read as PostgreSQL writes it, and nothing else is', () => {
  assert.deepEqual(parseSnapshot('10:20:12,15'), { xmin: 10n, xmax: 20n, running: new Set([12n, 15n]) });
  assert.deepEqual(parseSnapshot('4294967298:4294967298:').running, new Set());
  for (const text of ['', '10:20', '10:20:x', '-1:2:', '10:20:12;15']) {
    assert.throws(() => parseSnapshot(text), RangeError, text);
  }
});

test('it sees what had ended: below xmin, and below xmax unless it was running', () => {
  const snapshot = parseSnapshot('10:20:12,15');
  const seen = Array.from({ length: 30 }, (_, xid) => xid).filter((xid) => sees(snapshot, xid));
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 16, 17, 18, 19]);
});

test('ids above 2^31 and on both sides of a wrap are told apart', () => {
  const snapshot = parseSnapshot('4294967290:4294967300:4294967295,4294967298');
  for (const [xid, isSeen] of [
    ...([
      [4_294_967_289, true],
      [4_294_967_294, true],
      [4_294_967_295, false],
    ] as const),
    ...([
      [0, true],
      [2, false],
      [3, true],
      [4, false],
      [2_000_000_000, false],
      [2_300_000_000, true],
    ] as const),
  ])
    assert.equal(sees(snapshot, xid), isSeen, String(xid));
});

test('within half of all ids around the snapshot, 32 bits say as much as 64', () => {
  fc.assert(
    fc.property(
      fc.bigInt(1n << 32n, 1n << 40n),
      fc.bigInt(-(1n << 31n) + 1n, (1n << 31n) - 1n),
      fc.uniqueArray(fc.bigInt(0n, 99n)),
      (xmax, distance, running) => {
        const snapshot = {
          xmin: xmax - 100n,
          xmax,
          running: new Set(running.map((back) => xmax - 1n - back)),
        };
        const full = xmax + distance;
        const isSeen = full < xmax && !snapshot.running.has(full);
        assert.equal(sees(snapshot, Number(full & 0xffff_ffffn)), isSeen);
      },
    ),
    { numRuns: 2_000 },
  );
});
