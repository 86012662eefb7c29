// The house's budgets: file sizes, an opening comment in every file, names that say what a file is, no unfinished marks.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const BANNED_NAMES = /(^|\/)(utils?|helpers?|common|misc|managers?|services?|base|types)\.ts$/;

function typescript(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return typescript(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

const text = (file: string): string => readFileSync(join(root, file), 'utf8');
const lines = (file: string): number => text(file).split('\n').length - 1;
const product = typescript('src');
const all = [
  ...product,
  ...typescript('test'),
  ...typescript('bench'),
  ...typescript('script'),
  ...typescript('examples'),
];

test('no source file is over 400 lines, nine in ten are under 300, and the median is under 150', () => {
  const sizes = product.map((file) => ({ file, size: lines(file) })).sort((a, b) => a.size - b.size);
  assert.ok(sizes.length > 50, `only ${sizes.length} files found`);
  assert.deepEqual(
    sizes.filter(({ size }) => size > 400),
    [],
  );
  assert.ok(sizes[Math.floor(sizes.length * 0.9)]!.size < 300);
  assert.ok(sizes[Math.floor(sizes.length * 0.5)]!.size < 150);
});

test('every file says what it is for in its first line', () => {
  assert.deepEqual(
    all.filter((file) => !/^(#!.*\n)?\/\//.test(text(file))),
    [],
  );
});

test('file names are kebab-case and say what is inside', () => {
  const bad = all.filter(
    (file) => !/^[a-z0-9-]+(\.(test|test-d|config))?\.ts$/.test(file.split('/').at(-1)!),
  );
  assert.deepEqual(bad, []);
  assert.deepEqual(
    product.filter((file) => BANNED_NAMES.test(file)),
    [],
  );
});

test('no unfinished marks and no escapes from the type system', () => {
  const marks = new RegExp(
    ['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'as unknown ' + 'as', ': a' + 'ny\\b', '@ts-ig' + 'nore'].join(
      '|',
    ),
  );
  assert.deepEqual(
    all.filter((file) => marks.test(text(file))),
    [],
  );
});
