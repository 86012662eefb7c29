// The web front as it is served: whole, self-contained, and nothing beside it.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findStaticFile, loadStaticFiles } from './static-file.ts';

suite('static files', async () => {
  const files = await loadStaticFiles(fileURLToPath(new URL('../web', import.meta.url)));
  const textOf = (path: string): string => files.get(path)?.content.toString() ?? assert.fail(path);

  test('whatever a page or module asks for is there', () => {
    const wanted = [...files.keys()].flatMap((path) => {
      const imports = [...textOf(path).matchAll(/from '(\.[^']+)'/g)].map(([, to]) =>
        join(dirname(path), to!),
      );
      const links = [...textOf(path).matchAll(/(?:src|href)="(\/\w[^"]*)"/g)].map(([, to]) => to!);
      return [...imports, ...(path.endsWith('.html') ? links : [])];
    });
    assert.ok(wanted.length > 20);
    assert.deepEqual(
      wanted.filter((path) => !files.has(path)),
      [],
    );
  });

  test('nothing comes from another server', () => {
    for (const path of files.keys()) {
      const addresses = textOf(path).match(/(?:https?:)?\/\/[\w.-]+\.\w+[^\s"']*/g) ?? [];
      assert.deepEqual(
        addresses.filter((address) => !address.startsWith('http://www.w3.org/')),
        [],
        path,
      );
    }
  });

  test('a page address is the index, a missing or outside file is nothing', () => {
    for (const path of ['/', '/p/some-story', '/@ada', '/pub/grove', '/write']) {
      assert.equal(findStaticFile(files, path), files.get('/index.html'), path);
    }
    for (const path of [
      '/../schema.sql',
      '/..',
      '/a/../../b',
      '/..\\main',
      '/missing.js',
      '/page/../app.js',
    ]) {
      assert.equal(findStaticFile(files, path), undefined, path);
    }
    assert.equal(findStaticFile(files, '/style.css')?.contentType, 'text/css; charset=utf-8');
    assert.equal(findStaticFile(files, '/app.js')?.contentType, 'text/javascript; charset=utf-8');
  });
});
