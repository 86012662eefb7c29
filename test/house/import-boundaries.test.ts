// Walks every import of src/: the kernel imports nothing, a domain folder imports ports and never an adapter, only the
// composition joins them, and `pg` is known in one folder.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const ADAPTER = /^src\/[^/]+\/(memory|sqlite|postgres|nats)\//;
/** Folders that may join ports to adapters. */
const COMPOSITION = /^src\/(app|testing|cli)\//;

interface Import {
  readonly from: string;
  readonly to: string;
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return sources(path);
    return entry.name.endsWith('.ts') ? [path] : [];
  });
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g);
  return [...found].map(([, target]) => ({
    from: file,
    to: target!.startsWith('.') ? relative(root, resolve(root, dirname(file), target!)) : target!,
  }));
}

const imports = sources('src').flatMap(importsOf);
const named = (found: readonly Import[]): string[] => found.map(({ from, to }) => `${from} -> ${to}`);

test('the sources are found and import each other', () => {
  assert.ok(imports.length > 100, `only ${imports.length} imports found`);
});

test('kernel imports nothing of ours but the kernel', () => {
  const bad = imports.filter(
    ({ from, to }) => from.startsWith('src/kernel/') && !/^(src\/kernel\/|node:)/.test(to),
  );
  assert.deepEqual(named(bad), []);
});

test('runtime imports the kernel and itself', () => {
  const bad = imports.filter(
    ({ from, to }) =>
      from.startsWith('src/runtime/') && to.startsWith('src/') && !/^src\/(kernel|runtime)\//.test(to),
  );
  assert.deepEqual(named(bad), []);
});

test('only app, cli, testing and the adapters themselves import an adapter', () => {
  const bad = imports.filter(
    ({ from, to }) => ADAPTER.test(to) && !ADAPTER.test(from) && !COMPOSITION.test(from),
  );
  assert.deepEqual(named(bad), []);
});

test('an adapter imports no adapter of another port, but for the database connection', () => {
  const port = (path: string): string => path.split('/')[1]!;
  const bad = imports.filter(
    ({ from, to }) => ADAPTER.test(from) && ADAPTER.test(to) && port(from) !== port(to),
  );
  assert.deepEqual(named(bad), []);
});

test('nothing but the command line imports the command line, and nothing but it and the tests the composition', () => {
  const bad = imports.filter(
    ({ from, to }) =>
      (to.startsWith('src/cli/') && !from.startsWith('src/cli/')) ||
      (to.startsWith('src/app/') && !/^src\/(app|cli)\//.test(from) && from !== 'src/index.ts'),
  );
  assert.deepEqual(named(bad), []);
});

test('only src/postgres knows the driver', () => {
  const bad = imports.filter(({ from, to }) => /^pg(\/|$)/.test(to) && !from.startsWith('src/postgres/'));
  assert.deepEqual(named(bad), []);
});

test('only the event store in NATS knows its client, so that nobody else needs it', () => {
  const bad = imports.filter(
    ({ from, to }) => to.startsWith('@nats-io/') && !from.startsWith('src/event-store/nats/'),
  );
  assert.deepEqual(named(bad), []);
});
