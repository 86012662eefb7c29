// Progress as text: total with a tilde while estimated, the reason of a stall in place of the ETA, done when done.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CopyProgress,
  count,
  duration,
  progressLine,
  progressLines,
  rate,
} from '../../src/cli/progress-bar.ts';

const half: CopyProgress = {
  label: 'posts',
  rows: 2_500,
  totalRows: 5_000,
  isEstimate: true,
  rowsPerSecond: 8_900,
  etaSeconds: 4,
  throttledBy: null,
  isDone: false,
};

test('half way shows rows, the estimated total, rate and time left', () => {
  assert.equal(
    progressLine(half, 6),
    'posts   ━━━━━━━━━━━━╸───────────   50%  2,500 of ~5,000 rows  8.9k/s  ~4.0s left',
  );
});

test('a stall says its reason where the time left was', () => {
  assert.match(
    progressLine({ ...half, throttledBy: 'translation is 12,000 changes behind' }, 5),
    /throttled: translation/,
  );
});

test('more rows than the estimate never show 100 % before the end', () => {
  assert.match(progressLine({ ...half, rows: 9_000 }, 5), / 99% /);
});

test('done is done', () => {
  assert.equal(
    progressLine({ ...half, rows: 5_012, isDone: true }, 5),
    `posts  ${'━'.repeat(24)}  100%  5,012 rows  8.9k/s  ✓`,
  );
});

test('an unknown total is left out', () => {
  assert.match(
    progressLine({ ...half, totalRows: null, etaSeconds: null }, 5),
    / 0% {2}2,500 rows {2}8\.9k\/s$/,
  );
});

test('labels line up', () => {
  const bars = progressLines([half, { ...half, label: 'publications' }]).split('\n');
  assert.equal(bars[0]!.indexOf('━'), bars[1]!.indexOf('━'));
});

test('figures are short', () => {
  assert.deepEqual(
    [count(1_180), rate(950), rate(1_300_000), duration(72), duration(7_500)],
    ['1,180', '950', '1.3M', '1m12s', '2h05m'],
  );
});
