// Event ids: version 7, ordered by time, and the same again for the same name.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { derivedUuid, uuidv7 } from '../../src/kernel/uuid.ts';

const SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('ids have the shape of RFC 9562 and carry their time', () => {
  const time = Date.UTC(2026, 10, 24);
  for (const id of [uuidv7(time), derivedUuid(time, 'medium 0/1 0')]) {
    assert.match(id, SHAPE);
    assert.equal(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16), time);
  }
});

test('a derived id is the same for the same name and another for another', () => {
  assert.equal(derivedUuid(1, 'a'), derivedUuid(1, 'a'));
  assert.notEqual(derivedUuid(1, 'a'), derivedUuid(1, 'b'));
  assert.notEqual(uuidv7(1), uuidv7(1));
});
