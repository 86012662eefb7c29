// Documents that point at something: every promise at a test that is there, every link at a file.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const text = (path: string): string => readFileSync(join(root, path), 'utf8');

test('each promise names a test that is there', () => {
  const promises = text('docs/guarantees.md')
    .split('\n')
    .filter((line) => line.startsWith('- '));
  assert.ok(promises.length > 30, `only ${promises.length} promises`);
  const unproven = promises.filter((line) => {
    const { file, title } = /: `(?<file>test\/[^`]+\.ts)` (?<title>.+)$/.exec(line)?.groups ?? {};
    return (
      !file || !title || !existsSync(join(root, file)) || !titles(file).some((one) => one.includes(title))
    );
  });
  assert.deepEqual(unproven, []);
});

/** The first words of each test's call, its escapes resolved. */
function titles(file: string): readonly string[] {
  const calls = text(file).matchAll(
    /\b(?:test|suite|describe)\(\s*(?<quote>['"`])(?<title>(?:\\.|(?!\k<quote>).)*)\k<quote>/gs,
  );
  return [...calls].map(({ groups }) => groups!.title!.replaceAll(/\\(.)/g, '$1'));
}

test('each link of a document leads to a file', () => {
  const documents = [
    'README.md',
    'ARCHITECTURE.md',
    'CHANGELOG.md',
    ...globSync('docs/**/*.md', { cwd: root }),
  ];
  const broken = documents.flatMap((document) =>
    [...text(document).matchAll(/\]\((?<target>[^)#]+)[^)]*\)/g)]
      .map(({ groups }) => groups!.target!)
      .filter((target) => !/^https?:/.test(target) && !existsSync(join(root, dirname(document), target)))
      .map((target) => `${document} -> ${target}`),
  );
  assert.deepEqual(broken, []);
});

test('each file that the architecture page names is there', () => {
  const named = [...text('ARCHITECTURE.md').matchAll(/`(?<path>(?:src|test|examples|docs)\/[\w./-]+)`/g)].map(
    ({ groups }) => groups!.path!,
  );
  assert.ok(named.length > 10);
  assert.deepEqual(
    named.filter((path) => !existsSync(join(root, path))),
    [],
  );
});
