// Stream names: the category ends at the first hyphen, the id may hold anything.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { categoryOf, idOf, streamName } from '../../src/kernel/stream.ts';

test('category and id are told apart at the first hyphen', () => {
  const name = streamName('post', 'a-b-c');
  assert.equal(categoryOf(name), 'post');
  assert.equal(idOf(name), 'a-b-c');
});

for (const name of ['post', '-1', 'post-', '']) {
  test(`"${name}" is not a stream name`, () => {
    assert.throws(() => categoryOf(name), /Not a stream name/);
  });
}
