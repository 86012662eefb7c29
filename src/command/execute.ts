// A command carried out: load the entity's events, decide, append with the version that was decided on. When somebody else
// appended meanwhile it is decided anew, on what is there now; so a decision never rests on a state that has passed.
import { flattenEmission, validateEvent } from '../domain/validate-event.ts';
import type { EventStore } from '../event-store/event-store.ts';
import { BanyanError } from '../kernel/error.ts';
import type { EventMeta, NewEvent, Position } from '../kernel/event.ts';
import { type ExpectedVersion, streamName } from '../kernel/stream.ts';
import { uuidv7 } from '../kernel/uuid.ts';
import { pause } from '../runtime/wait.ts';
import { type Decider, Refusal } from './decider.ts';

export interface ExecuteOptions {
  /** What the caller decided on; absent: whatever is there. `exists` and `none` are looked at before the decision. */
  readonly expectedVersion?: ExpectedVersion;
  /** A command whose key was carried out before is not carried out again: the outcome is that of the first time. */
  readonly idempotencyKey?: string;
  readonly meta?: Omit<EventMeta, 'origin'>;
  readonly signal?: AbortSignal;
}

export type CommandOutcome =
  | {
      readonly outcome: 'done';
      /** Of the entity's stream, after the command. */
      readonly version: number;
      /** Of the last event in the log, for whoever wants to read their own write. */
      readonly position: Position;
      /** The key had been used: nothing was done this time. */
      readonly isDuplicate: boolean;
    }
  | { readonly outcome: 'refused'; readonly refusal: Refusal; readonly version: number }
  /** The entity is not at the version that the caller expected. */
  | { readonly outcome: 'conflict'; readonly expected: ExpectedVersion; readonly actual: number };

/** More than this many others in a row mean that the entity is the bottleneck, and not bad luck. */
const ATTEMPTS = 20;
const DELAY_MAX_MS = 20;

/**
 * Carries out one command on one entity.
 * Atomic: all its events or none. Done means durable, as the log promises it.
 * Rejects with EVENT_INVALID when an event does not fit its schema; LOG_UNREACHABLE when the log
 * cannot say (try again with the same key), COMMAND_CONTENDED when others were faster every time.
 */
export async function execute<S, I>(
  eventLog: EventStore,
  decider: Decider<S, I>,
  command: {
    readonly [K in keyof I & string]: { readonly name: K; readonly id: string; readonly input: I[K] };
  }[keyof I & string],
  options: ExecuteOptions = {},
): Promise<CommandOutcome> {
  const stream = streamName(decider.category, command.id);
  const { expectedVersion = 'any', signal } = options;
  // A client's keys are its own business: the same one for another entity or command is another key.
  const idempotencyKey =
    options.idempotencyKey === undefined ? undefined : `${stream} ${command.name} ${options.idempotencyKey}`;
  let state = decider.initial;
  let version = 0;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    for await (const events of eventLog.readStream(stream, { afterVersion: version })) {
      for (const event of events) state = decider.evolve(state, event);
      version = events.at(-1)?.version ?? version;
    }
    signal?.throwIfAborted();
    if (!isAsExpected(version, expectedVersion)) {
      return (await recorded()) ?? { outcome: 'conflict', expected: expectedVersion, actual: version };
    }
    const decision = decider.decide(command.name, state, command.input);
    if (decision instanceof Refusal)
      return (await recorded()) ?? { outcome: 'refused', refusal: decision, version };
    const emitted = await Promise.all(
      flattenEmission(decision).map((one) => validateEvent(decider.events, stream, one)),
    );
    const events = emitted.map(({ type, schemaVersion, data }): NewEvent => {
      const meta: EventMeta = { ...options.meta, origin: 'command' };
      return { id: uuidv7(), type, time: new Date().toISOString(), schemaVersion, data, meta };
    });
    const outcome = await eventLog.append(
      [{ stream, expected: version, events }],
      idempotencyKey === undefined ? {} : { idempotencyKey },
    );
    if (outcome.outcome === 'appended') {
      const { position, isDuplicate } = outcome;
      return { outcome: 'done', version: outcome.versions[stream] ?? version, position, isDuplicate };
    }
    if (attempt > 1) await pause(Math.random() * DELAY_MAX_MS, signal);
  }
  throw new BanyanError('COMMAND_CONTENDED', `The command ${command.name} was overtaken ${ATTEMPTS} times`, {
    at: stream,
  });

  /** The outcome that the key's first use had. It is asked for with an append that the log can only refuse. */
  async function recorded(): Promise<CommandOutcome | undefined> {
    if (idempotencyKey === undefined) return undefined;
    const never = { stream, expected: Number.MAX_SAFE_INTEGER, events: [] };
    const outcome = await eventLog.append([never], { idempotencyKey });
    if (outcome.outcome !== 'appended') return undefined;
    const { position, versions, isDuplicate } = outcome;
    return { outcome: 'done', version: versions[stream] ?? version, position, isDuplicate };
  }
}

function isAsExpected(version: number, expected: ExpectedVersion): boolean {
  if (expected === 'any') return true;
  if (expected === 'none') return version === 0;
  return expected === 'exists' ? version > 0 : version === expected;
}
