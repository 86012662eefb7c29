// A bank account as a decider: what the tests of commands decide on.
import { z } from 'zod';
import { defineDecider, refuse } from '../../src/command/decider.ts';
import { defineEvents } from '../../src/domain/define-events.ts';

export const accountEvents = defineEvents({
  AccountOpened: z.object({ owner: z.string() }),
  MoneyDeposited: z.object({ amount: z.number().int().positive() }),
  MoneyWithdrawn: z.object({ amount: z.number().int().positive() }),
});

export const account = defineDecider({
  category: 'account',
  events: accountEvents,
  initial: { isOpen: false, balance: 0 },
  evolve: {
    AccountOpened: (state) => ({ ...state, isOpen: true }),
    MoneyDeposited: (state, { amount }) => ({ ...state, balance: state.balance + amount }),
    MoneyWithdrawn: (state, { amount }) => ({ ...state, balance: state.balance - amount }),
  },
  commands: {
    open: (emit, { isOpen }, { owner }: { readonly owner: string }) =>
      isOpen ? refuse('already-open', 'The account is open already') : emit.AccountOpened({ owner }),
    deposit: (emit, { isOpen }, { amount }: { readonly amount: number }) =>
      isOpen ? emit.MoneyDeposited({ amount }) : refuse('not-open', 'There is no such account'),
    withdraw: (emit, { balance }, { amount }: { readonly amount: number }) =>
      amount > balance
        ? refuse('not-enough-money', 'There is less on it than that')
        : emit.MoneyWithdrawn({ amount }),
    /** Nothing to do when there is nothing on it. */
    empty: (emit, { balance }) => balance > 0 && emit.MoneyWithdrawn({ amount: balance }),
  },
});
