// Deciders in tests, in three steps: given what happened, when a command comes, then these events, or this refusal. Nothing
// runs: no log, no clock. A decision that is not the expected one fails with both side by side.
import assert from 'node:assert/strict';
import { type Decider, type Decision, Refusal } from '../command/decider.ts';
import type { Emission, Emitted } from '../domain/domain.ts';
import { flattenEmission, validateEvent } from '../domain/validate-event.ts';

/** `{ type, data }`, in the order in which they happened. */
export type GivenEvents = readonly Emitted[];

export interface Scenario<I> {
  when<K extends keyof I & string>(command: K, input: I[K]): Then;
}

export interface Then {
  /** Exactly these events; none = the command had nothing to do. Their data is held to the events' schemas. */
  thenEvents(...events: readonly Emitted[]): Promise<void>;
  thenRefused(code: string): void;
}

/** Begins a scenario with what has happened to the entity so far. */
export function given<S, I>(decider: Decider<S, I>, ...events: GivenEvents): Scenario<I> {
  const state = events.reduce((before, event) => decider.evolve(before, event), decider.initial);
  return {
    when(command, input) {
      const decision = decider.decide(command, state, input);
      return {
        async thenEvents(...expected) {
          assert.ok(!(decision instanceof Refusal), `${command} was refused: ${told(decision)}`);
          const emitted = flattenEmission(decision as Emission);
          for (const event of emitted) await validateEvent(decider.events, decider.category, event);
          assert.deepEqual(emitted, expected);
        },
        thenRefused(code) {
          assert.ok(decision instanceof Refusal, `${command} was not refused but decided ${told(decision)}`);
          assert.equal(decision.code, code);
        },
      };
    },
  };
}

function told(decision: Decision): string {
  return decision instanceof Refusal
    ? `${decision.code} (${decision.what})`
    : JSON.stringify(flattenEmission(decision));
}
