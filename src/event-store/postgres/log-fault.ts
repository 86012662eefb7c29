// What PostgreSQL and its driver say when something fails, in this house's words: which fault it is, and whether anything
// can have been written.
import { BanyanError } from '../../kernel/error.ts';

const TOO_LONG = '54000';
const READ_ONLY = '25006';
const NOT_ALLOWED = '42501';
const MAKE_SCHEMA =
  'Let an administrator run CREATE SCHEMA <the schema> AUTHORIZATION <the role of the URL>; the log is then made in it.';

/** A fault for the user, with the original as its cause; `at` never carries the password. */
export function logFault(error: unknown, at: string): unknown {
  if (!(error instanceof Error) || error instanceof BanyanError) return error;
  const state = sqlState(error);
  const why = error.message || (error instanceof AggregateError ? String(error.errors[0]) : error.name);
  // An index holds no name that long; another try would fare no better.
  if (state === TOO_LONG) return new RangeError(`A name is too long for the log: ${why}`, { cause: error });
  if (state?.startsWith('XX'))
    return new BanyanError('LOG_CORRUPT', 'The log is damaged', { at, why, cause: error });
  const remedy = state === NOT_ALLOWED ? { remedy: MAKE_SCHEMA } : {};
  return new BanyanError('LOG_UNREACHABLE', sentence(state), { at, why, cause: error, ...remedy });
}

/**
 * The server refused the statement and rolled it back: nothing was written. Of a connection that broke, or that the
 * server ended, nobody knows: the commit may have been before it.
 */
export function isRolledBack(error: unknown): boolean {
  const state = sqlState(error);
  return state !== undefined && !/^(57P|08)/.test(state);
}

function sentence(state: string | undefined): string {
  if (state === READ_ONLY) return 'The log cannot be written: its server is read-only';
  if (state === '55P03') return 'The log stayed locked by another process';
  return isRolledBack({ code: state }) ? 'The log cannot be used' : 'The log cannot be reached';
}

/** Undefined for what did not come from the server. */
function sqlState(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}
