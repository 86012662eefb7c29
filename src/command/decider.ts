// A decider: how the commands of one kind of entity become events. `decide` is a pure function of the command and the
// state, `evolve` of the state and an event (J. Chassaing, "Functional event sourcing decider", 2021). Nothing here does
// anything; `execute.ts` loads, decides and appends.
import type { EmitOf } from '../domain/define-domain.ts';
import type { OutputOf } from '../domain/define-events.ts';
import type { Emission, EventCatalogue } from '../domain/domain.ts';
import { upcast } from '../domain/upcast.ts';
import { BanyanError } from '../kernel/error.ts';
import type { Category } from '../kernel/stream.ts';

/** A command that is not carried out, for a reason of the domain: an outcome, not a fault. */
export class Refusal {
  /** Stable, for machines: `not-enough-money`. */
  readonly code: string;
  /** For a person. */
  readonly what: string;

  constructor(code: string, what: string) {
    this.code = code;
    this.what = what;
  }
}

/** What a command returns instead of events when it is not to be carried out. */
export function refuse(code: string, what: string): Refusal {
  return new Refusal(code, what);
}

/** Events, one or a list; nothing at all is a command that had nothing left to do. */
export type Decision = Emission | Refusal;

export interface DeciderInput<E extends EventCatalogue, S, I> {
  /** Of its streams: the entity `42` of category `account` is the stream `account-42`. */
  readonly category: Category;
  readonly events: E;
  /** Before the first event. */
  readonly initial: S;
  /** One function an event type: an event that is added does not compile until it says what it means. */
  readonly evolve: { readonly [K in keyof E]: (state: NoInfer<S>, data: OutputOf<E[K]>) => NoInfer<S> };
  /** By name; each takes the event constructors, the state and its own input. */
  readonly commands: {
    readonly [K in keyof I]: (emit: EmitOf<NoInfer<E>>, state: NoInfer<S>, input: I[K]) => Decision;
  };
}

/** A stored event, or one that was only emitted: then of the present version. */
export interface DecidedOn {
  readonly type: string;
  readonly data: unknown;
  readonly schemaVersion?: number;
}

export interface Decider<S, I> {
  readonly category: Category;
  readonly events: EventCatalogue;
  readonly initial: S;
  evolve(state: S, event: DecidedOn): S;
  decide<K extends keyof I & string>(command: K, state: S, input: I[K]): Decision;
}

/** Throws CONFIG_INVALID when an event has no `evolve`, or the category cannot begin a stream's name. */
export function defineDecider<E extends EventCatalogue, S, I>(input: DeciderInput<E, S, I>): Decider<S, I> {
  const { category, events, initial, commands } = input;
  const evolve = input.evolve as Readonly<Record<string, (state: S, data: never) => S>>;
  const missing = Object.keys(events).find((type) => typeof evolve[type] !== 'function');
  if (category === '' || category.includes('-') || missing !== undefined) {
    throw new BanyanError(
      'CONFIG_INVALID',
      missing === undefined
        ? `A category cannot be called "${category}"`
        : `The decider of ${category} does not say what ${missing} means`,
      {
        at: `decider ${category}`,
        remedy: missing === undefined ? 'Use a name without a hyphen.' : `Add ${missing} to \`evolve\`.`,
      },
    );
  }
  const emit = Object.fromEntries(
    Object.keys(events).map((type) => [type, (data: unknown) => ({ type, data })]),
  ) as EmitOf<E>;
  return {
    category,
    events,
    initial,
    evolve: (state, { type, data, schemaVersion }) => {
      const declared = Object.hasOwn(events, type) ? events[type]! : undefined;
      // An event that this program does not know changed nothing that it can decide on.
      if (!declared) return state;
      const stored = { type, data, schemaVersion: schemaVersion ?? declared.version };
      return evolve[type]!(state, upcast(events, stored).data as never);
    },
    decide: (command, state, given) => commands[command](emit, state, given),
  };
}
