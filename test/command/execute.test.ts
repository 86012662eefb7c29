// Commands carried out on a real log: decided on what is there, atomic, once per key, and never lost to somebody faster.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { execute } from '../../src/command/execute.ts';
import type { EventStore } from '../../src/event-store/event-store.ts';
import { createMemoryEventStore } from '../../src/event-store/memory/memory-event-store.ts';
import { eventsOf, newEvent, streamOf, write } from '../../src/testing/contract/event-store/case.ts';
import { account } from './account.ts';

const open = (log: EventStore, id = '1') =>
  execute(log, account, { name: 'open', id, input: { owner: 'Ann' } });

async function balance(log: EventStore, id = '1'): Promise<number> {
  const events = await streamOf(log, `account-${id}`);
  return events.reduce((state, event) => account.evolve(state, event), account.initial).balance;
}

test('a command becomes the events that were decided, at the next version, told as a command', async () => {
  await using log = createMemoryEventStore();
  assert.deepEqual(await open(log), { outcome: 'done', version: 1, position: 1, isDuplicate: false });
  const command = { name: 'deposit', id: '1', input: { amount: 5 } } as const;
  const outcome = await execute(log, account, command, { meta: { actor: 'ann', correlationId: 'c1' } });
  assert.equal(outcome.outcome, 'done');
  const [, deposited] = await eventsOf(log);
  assert.deepEqual(
    { ...deposited, id: '', time: '' },
    {
      ...{ id: '', time: '', type: 'MoneyDeposited', schemaVersion: 1, data: { amount: 5 } },
      meta: { actor: 'ann', correlationId: 'c1', origin: 'command' },
      ...{ stream: 'account-1', category: 'account', version: 2, position: 2 },
    },
  );
});

test('what is refused is an outcome, with its code, and writes nothing', async () => {
  await using log = createMemoryEventStore();
  await open(log);
  const outcome = await execute(log, account, { name: 'withdraw', id: '1', input: { amount: 1 } });
  assert.equal(outcome.outcome === 'refused' && outcome.refusal.code, 'not-enough-money');
  assert.equal((await eventsOf(log)).length, 1);
});

test('a command with nothing left to do is done, and writes nothing', async () => {
  await using log = createMemoryEventStore();
  await open(log);
  const outcome = await execute(log, account, { name: 'empty', id: '1', input: undefined });
  assert.deepEqual([outcome.outcome, (await eventsOf(log)).length], ['done', 1]);
});

test('an event that does not fit its schema stops the command before anything is written', async () => {
  await using log = createMemoryEventStore();
  await open(log);
  await assert.rejects(execute(log, account, { name: 'deposit', id: '1', input: { amount: 0.5 } }), {
    ...{ code: 'EVENT_INVALID', message: 'MoneyDeposited does not fit its schema at `amount`' },
  });
  assert.equal((await eventsOf(log)).length, 1);
});

test('commands that come at once are all decided on the state that the one before left', async () => {
  await using log = createMemoryEventStore();
  await open(log);
  const deposit = () => execute(log, account, { name: 'deposit', id: '1', input: { amount: 1 } });
  await Promise.all(Array.from({ length: 10 }, deposit));
  const withdraw = () => execute(log, account, { name: 'withdraw', id: '1', input: { amount: 4 } });
  const outcomes = await Promise.all(Array.from({ length: 5 }, withdraw));
  assert.equal(outcomes.filter(({ outcome }) => outcome === 'done').length, 2);
  assert.equal(await balance(log), 2);
});

test('what the caller expects is looked at: an exact version, something, nothing', async () => {
  await using log = createMemoryEventStore();
  const command = { name: 'open', id: '1', input: { owner: 'Ann' } } as const;
  const absent = await execute(log, account, command, { expectedVersion: 'exists' });
  assert.deepEqual(absent, { outcome: 'conflict', expected: 'exists', actual: 0 });
  assert.equal((await execute(log, account, command, { expectedVersion: 'none' })).outcome, 'done');
  const deposit = { name: 'deposit', id: '1', input: { amount: 1 } } as const;
  assert.equal((await execute(log, account, deposit, { expectedVersion: 1 })).outcome, 'done');
  const late = await execute(log, account, deposit, { expectedVersion: 1 });
  assert.deepEqual(late, { outcome: 'conflict', expected: 1, actual: 2 });
  assert.equal(await balance(log), 1);
});

test('of two that expect one version at once, one is carried out', async () => {
  await using log = createMemoryEventStore();
  await open(log);
  const deposit = () =>
    execute(log, account, { name: 'deposit', id: '1', input: { amount: 1 } }, { expectedVersion: 1 });
  const outcomes = (await Promise.all([deposit(), deposit(), deposit()])).map(({ outcome }) => outcome);
  assert.deepEqual(outcomes.toSorted(), ['conflict', 'conflict', 'done']);
  assert.equal(await balance(log), 1);
});

test('a key is carried out once: again, later, and when it would be refused or conflict by now', async () => {
  await using log = createMemoryEventStore();
  const opening = () =>
    execute(
      log,
      account,
      { name: 'open', id: '1', input: { owner: 'Ann' } },
      { idempotencyKey: 'k1', expectedVersion: 'none' },
    );
  const first = await opening();
  assert.deepEqual(await opening(), { ...first, isDuplicate: true });
  const paying = { idempotencyKey: 'k2' };
  const deposit = { name: 'deposit', id: '1', input: { amount: 3 } } as const;
  await Promise.all([execute(log, account, deposit, paying), execute(log, account, deposit, paying)]);
  assert.equal(await balance(log), 3);
  const taking = { idempotencyKey: 'k3' };
  const all = { name: 'withdraw', id: '1', input: { amount: 3 } } as const;
  const taken = await execute(log, account, all, taking);
  assert.deepEqual(await execute(log, account, all, taking), { ...taken, isDuplicate: true });
  const refused = await execute(log, account, all, { idempotencyKey: 'k4' });
  assert.equal(refused.outcome, 'refused', 'a key that was never used does not help');
  await execute(log, account, deposit);
  assert.equal(
    (await execute(log, account, all, { idempotencyKey: 'k4' })).outcome,
    'done',
    'and is not used up',
  );
});

test('the same key for another entity or another command is another key', async () => {
  await using log = createMemoryEventStore();
  const key = { idempotencyKey: 'k1' };
  for (const id of ['1', '2'])
    await execute(log, account, { name: 'open', id, input: { owner: 'Ann' } }, key);
  const paid = await execute(log, account, { name: 'deposit', id: '2', input: { amount: 7 } }, key);
  assert.equal(paid.outcome === 'done' && paid.isDuplicate, false);
  assert.deepEqual([await balance(log, '1'), await balance(log, '2')], [0, 7]);
});

test('a command that is overtaken every time gives up, and says so', async () => {
  await using log = createMemoryEventStore();
  await open(log);
  let appends = 0;
  const overtaken: EventStore = Object.create(log, {
    identity: { value: log.identity },
    readStream: { value: log.readStream.bind(log) },
    append: {
      value: async (...[writes, options]: Parameters<EventStore['append']>) => {
        appends += 1;
        await log.append([write('account-1', 'any', [newEvent('MoneyDeposited', { amount: 1 })])]);
        return log.append(writes, options);
      },
    },
  });
  const command = { name: 'deposit', id: '1', input: { amount: 1 } } as const;
  await assert.rejects(execute(overtaken, account, command), { code: 'COMMAND_CONTENDED', at: 'account-1' });
  assert.equal(appends, 20);
  assert.equal(await balance(log), 20, 'nothing of it was written');
});

test('an event of a type that this version does not know is passed over', async () => {
  await using log = createMemoryEventStore();
  await open(log);
  await log.append([write('account-1', 1, [newEvent('AccountPainted', { colour: 'red' })])]);
  const outcome = await execute(log, account, { name: 'deposit', id: '1', input: { amount: 2 } });
  assert.deepEqual([outcome.outcome, await balance(log)], ['done', 2]);
});
