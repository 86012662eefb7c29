// One question to the source serves everyone who was waiting when it was asked, and nobody who came later.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PositionSampler } from '../../../src/gateway/session/sample-position.ts';
import { ScriptedSource, settled } from './scripted-source.ts';

const lsnOf = async (sample: ReturnType<PositionSampler['sample']>): Promise<bigint> => (await sample).lsn;

test('who asks while a question is under way gets the answer to the next one', async () => {
  const source = new ScriptedSource();
  const sampler = new PositionSampler(source, 5_000);
  const first = sampler.sample();
  await settled();
  const second = sampler.sample();
  const third = sampler.sample();
  assert.equal(source.waiting, 1, 'one question at a time');
  await source.says(10n);
  assert.equal(await lsnOf(first), 10n);
  assert.equal(source.waiting, 1, 'one question for both');
  await source.says(20n);
  assert.deepEqual(await Promise.all([lsnOf(second), lsnOf(third)]), [20n, 20n]);
  assert.equal(source.waiting, 0, 'none while nobody waits');
});

test('a failure is told to those who waited for that answer; who comes next is asked for anew', async () => {
  const source = new ScriptedSource();
  const sampler = new PositionSampler(source, 5_000);
  const lost = assert.rejects(sampler.sample(), /connection lost/);
  await settled();
  const next = sampler.sample();
  await source.fails();
  await lost;
  await source.says(30n);
  assert.equal(await lsnOf(next), 30n);
});

test('after a failure the history is asked for again: another server may have taken over', async () => {
  const source = new ScriptedSource();
  const sampler = new PositionSampler(source, 5_000);
  assert.equal(sampler.history, undefined);
  const first = sampler.sample();
  await settled();
  await source.says(10n);
  assert.deepEqual(await first, { history: 'history-1', lsn: 10n });
  source.timeline = 'history-2';
  const known = sampler.sample();
  await settled();
  await source.says(11n);
  assert.equal((await known).history, 'history-1', 'no failure, no other server');
  const lost = assert.rejects(sampler.sample());
  await settled();
  await source.fails();
  await lost;
  assert.equal(sampler.history, undefined);
  const after = sampler.sample();
  await settled();
  await source.says(5n);
  assert.deepEqual(await after, { history: 'history-2', lsn: 5n });
  assert.equal(sampler.history, 'history-2');
});

test('a source that does not answer fails those who wait, and does not stop those who come', async () => {
  const source = new ScriptedSource();
  const sampler = new PositionSampler(source, 20);
  await assert.rejects(sampler.sample(), /in time/);
  const next = sampler.sample();
  await settled();
  assert.equal(source.waiting, 2);
  await source.says(10n);
  await source.says(20n);
  assert.equal(await lsnOf(next), 20n, 'the late answer is nobody’s');
});
