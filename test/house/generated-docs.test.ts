// The pages that are made from the code are the ones that the code makes now.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { documents } from '../../script/generate-docs.ts';

for (const [path, text] of Object.entries(documents())) {
  test(`${path} says what the code says; \`npm run docs\` makes it so`, () => {
    assert.equal(readFileSync(resolve(import.meta.dirname, '../..', path), 'utf8'), text);
  });
}
