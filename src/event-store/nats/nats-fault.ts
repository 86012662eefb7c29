// What NATS and its client say when something fails, in this house's words: whether to ask again, and which fault it is
// for the user.
import { JetStreamApiError } from '@nats-io/jetstream';
import { NoRespondersError, RequestError, TimeoutError } from '@nats-io/transport-node';
import { BanyanError } from '../../kernel/error.ts';

const UNAVAILABLE = 503;
/** While a cluster elects a leader, some servers know nothing of JetStream for this account. */
const PASSING_API_ERRORS: ReadonlySet<number> = new Set([10008, 10039, 10076]);

/** Asked again, it may be answered. */
export class Interrupted extends Error {}

/** There was nobody to send it to. */
export class NotSent extends Interrupted {}

/** Nobody took the request: whatever it was, it was not carried out. */
export function isNotTaken(error: unknown): boolean {
  if (error instanceof NotSent) return true;
  return error instanceof NoRespondersError || (error instanceof RequestError && error.isNoResponders());
}

/** No leader, a lost answer, a connection that is being made anew: asked again, it may be answered. */
export function isPassing(error: unknown): boolean {
  if (error instanceof JetStreamApiError) {
    return error.status === UNAVAILABLE || PASSING_API_ERRORS.has(error.code);
  }
  if (error instanceof Interrupted) return true;
  return isNotTaken(error) || error instanceof TimeoutError || error instanceof RequestError;
}

/** A fault for the user, with the original as its cause. */
export function logFault(error: unknown, at: string): unknown {
  if (!(error instanceof Error) || error instanceof BanyanError || error instanceof RangeError) return error;
  const what = error instanceof JetStreamApiError ? 'The log cannot be used' : 'The log cannot be reached';
  return new BanyanError('LOG_UNREACHABLE', what, { at, why: error.message || error.name, cause: error });
}
