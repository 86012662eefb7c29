// What a gateway remembers of its sessions' writes: the latest of each, whatever order the source's answers come in.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReadYourWrites } from '../../../src/gateway/session/read-your-writes.ts';
import type { Session } from '../../../src/gateway/session/session.ts';
import type { SourcePosition } from '../../../src/gateway/session/source-position.ts';
import { TestSource } from '../test-gateway.ts';
import { ScriptedSource, settled } from './scripted-source.ts';

function memoryOf(sourcePosition: SourcePosition, sessions = 10): ReadYourWrites {
  const options = { sourceName: 'app', secret: 'a secret of the tests', positionMs: 5_000 };
  return new ReadYourWrites({ ...options, sourcePosition, sessions });
}

const session = (...keys: readonly [string, ...string[]]): Session => {
  return { key: keys[0], keys, tokens: [], newCookie: undefined };
};

test('a write is remembered under every key of its session, so that logging in or out does not lose it', async () => {
  const source = new TestSource();
  const memory = memoryOf(source);
  await memory.issue(session('subject:ann', 'cookie:1'), 0);
  assert.equal(memory.freshness(session('subject:ann')), 100n);
  assert.equal(memory.freshness(session('cookie:1')), 100n);
  assert.equal(memory.freshness(session('cookie:2')), 'any');
  source.at = 200n;
  await memory.issue(session('cookie:1'), 0);
  assert.equal(memory.freshness(session('subject:ann', 'cookie:1')), 200n, 'the most that any key asks for');
  assert.equal(memory.freshness(session('subject:ann')), 100n);
});

test('a position that the source takes back does not make a session’s write older', async () => {
  const source = new TestSource();
  const memory = memoryOf(source);
  await memory.issue(session('a'), 0);
  source.at = 50n;
  await memory.issue(session('a'), 0);
  assert.equal(memory.freshness(session('a')), 100n);
});

test('a write of unknown place asks for the monolith until a position is had that covers it', async () => {
  const source = new TestSource();
  const memory = memoryOf(source);
  await memory.issue(session('a'), 0);
  source.isDown = true;
  await memory.issue(session('a'), 0);
  assert.equal(memory.freshness(session('a')), 'infinite');
  assert.equal(await memory.renew(session('a'), 0), undefined, 'nothing to tell');
  Object.assign(source, { isDown: false, at: 300n });
  assert.ok(await memory.renew(session('a'), 0));
  assert.equal(memory.freshness(session('a')), 300n);
});

test('a position that was asked for before a write of unknown place does not settle that write', async () => {
  const source = new ScriptedSource();
  const memory = memoryOf(source);
  const writing = memory.issue(session('a'), 0);
  await settled();
  const renewing = memory.renew(session('a'), 0);
  await source.fails();
  await writing;
  assert.equal(memory.freshness(session('a')), 'infinite');
  await source.says(10n);
  await renewing;
  assert.equal(memory.freshness(session('a')), 'infinite', 'begun before that write was answered');
  const later = memory.renew(session('a'), 0);
  await settled();
  await source.says(20n);
  await later;
  assert.equal(memory.freshness(session('a')), 20n);
});

test('as many sessions as its limit are remembered, and it is the one unused for longest that goes', async () => {
  const memory = memoryOf(new TestSource(), 2);
  for (const key of ['a', 'b', 'a', 'c']) await memory.issue(session(key), 0);
  assert.deepEqual(
    ['a', 'b', 'c'].map((key) => memory.freshness(session(key))),
    [100n, 'any', 100n],
  );
});

test('a session that is no longer remembered is told by its token', async () => {
  const memory = memoryOf(new TestSource(), 1);
  const token = await memory.issue(session('a'), 0);
  await memory.issue(session('b'), 0);
  assert.equal(memory.freshness(session('a')), 'any');
  assert.equal(memory.freshness({ ...session('a'), tokens: [token] }), 100n);
});
