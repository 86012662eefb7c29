// Scenarios: what they accept, and that they fail when the decision is another one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { given } from '../../src/testing/scenario.ts';
import { account } from '../command/account.ts';

const opened = { type: 'AccountOpened', data: { owner: 'Ann' } };
const deposited = (amount: number) => ({ type: 'MoneyDeposited', data: { amount } });
const withdrawn = (amount: number) => ({ type: 'MoneyWithdrawn', data: { amount } });

test('given, when, then: events, none, or a refusal', async () => {
  await given(account).when('open', { owner: 'Ann' }).thenEvents(opened);
  await given(account, opened, deposited(7)).when('withdraw', { amount: 3 }).thenEvents(withdrawn(3));
  await given(account, opened, deposited(7), withdrawn(7)).when('empty', undefined).thenEvents();
  given(account, opened).when('open', { owner: 'Bob' }).thenRefused('already-open');
});

test('another decision fails the scenario, with both side by side', async () => {
  const withdrawing = given(account, opened, deposited(7)).when('withdraw', { amount: 3 });
  await assert.rejects(withdrawing.thenEvents(withdrawn(4)), assert.AssertionError);
  await assert.rejects(withdrawing.thenEvents(), assert.AssertionError);
  assert.throws(
    () => withdrawing.thenRefused('not-enough-money'),
    /not refused but decided .*MoneyWithdrawn/,
  );
  const refused = given(account).when('deposit', { amount: 1 });
  await assert.rejects(refused.thenEvents(deposited(1)), /deposit was refused: not-open/);
  assert.throws(() => refused.thenRefused('not-enough-money'), assert.AssertionError);
});

test('an event that its schema does not take fails the scenario', async () => {
  const paying = given(account, opened).when('deposit', { amount: -1 });
  await assert.rejects(paying.thenEvents(deposited(-1)), { code: 'EVENT_INVALID' });
});
