// SQLite's error numbers in this house's words: what to try again, and which fault it is for the user.
import { BanyanError } from '../../kernel/error.ts';

const BUSY = 5;
const LOCKED = 6;
const CORRUPT = 11;
const PROTOCOL = 15;
const NOT_A_DATABASE = 26;

/** Another connection holds the lock for a moment: nothing happened, try again. */
export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === BUSY || code === LOCKED || code === PROTOCOL;
}

/** The fault for the user; what is no SQLite error passes through. */
export function logFault(error: unknown, path: string): unknown {
  const code = primaryCode(error);
  if (code === undefined) return error;
  const why = (error as Error).message;
  if (code === NOT_A_DATABASE) return notALog(path, 'It is not an SQLite database.', error);
  if (code === CORRUPT)
    return new BanyanError('LOG_CORRUPT', 'The log is damaged', { at: path, why, cause: error });
  const what = isBusy(error) ? 'The log stayed locked by another process' : 'The log cannot be used';
  return new BanyanError('LOG_UNREACHABLE', what, { at: path, why, cause: error });
}

export function notALog(path: string, why: string, cause?: unknown): BanyanError {
  return new BanyanError('LOG_CORRUPT', 'The file is not a Banyan log', {
    at: path,
    why,
    cause,
    remedy: 'Point the config at the log, or at a path where none is yet; this file was left as it is.',
  });
}

/** Without the extended part; undefined for an error that is not SQLite's. */
function primaryCode(error: unknown): number | undefined {
  const errcode = error instanceof Error && 'errcode' in error ? error.errcode : undefined;
  return typeof errcode === 'number' ? errcode & 0xff : undefined;
}
