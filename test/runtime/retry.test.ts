// Retrying: only what the catalogue marks so, and it ends when told to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BanyanError } from '../../src/kernel/error.ts';
import { retryForever } from '../../src/runtime/retry.ts';
import { pause } from '../../src/runtime/wait.ts';

test('a fault worth a retry is tried again until it passes', async () => {
  let tries = 0;
  const waits: number[] = [];
  const answer = await retryForever(
    async () => {
      tries += 1;
      if (tries < 4) throw new BanyanError('SOURCE_UNREACHABLE', 'The source does not answer');
      return 'there';
    },
    {
      signal: new AbortController().signal,
      delayMs: 1,
      delayMaxMs: 2,
      onRetry: (_error, _attempt, delayMs) => waits.push(delayMs),
    },
  );
  assert.equal(answer, 'there');
  assert.equal(waits.length, 3);
  assert.ok(waits.every((wait) => wait <= 2));
});

test('work that went well for long before it failed is tried again as soon as at first', async () => {
  const attempts: number[] = [];
  const lasting = [0, 0, 20, 0];
  const answer = await retryForever(
    async () => {
      const lastsMs = lasting.shift();
      if (lastsMs === undefined) return 'there';
      await pause(lastsMs);
      throw new BanyanError('REPLICATION_LOST', 'The connection ended');
    },
    {
      ...{ signal: new AbortController().signal, delayMs: 1, delayMaxMs: 10 },
      onRetry: (_error, attempt) => attempts.push(attempt),
    },
  );
  assert.equal(answer, 'there');
  assert.deepEqual(attempts, [1, 2, 1, 2]);
});

test('any other fault is thrown at once', async () => {
  let tries = 0;
  const fault = new BanyanError('SLOT_GAP', 'Changes are missing');
  const work = async (): Promise<void> => {
    tries += 1;
    throw fault;
  };
  await assert.rejects(retryForever(work, { signal: new AbortController().signal }), fault);
  assert.equal(tries, 1);
});

test('an aborted signal ends the trying without an answer', async () => {
  const stop = new AbortController();
  const answer = await retryForever(
    async () => {
      stop.abort();
      throw new BanyanError('SOURCE_UNREACHABLE', 'The source does not answer');
    },
    { signal: stop.signal, delayMs: 60_000 },
  );
  assert.equal(answer, undefined);
});
