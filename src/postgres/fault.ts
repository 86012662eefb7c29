// Faults of PostgreSQL and its sockets, translated once by SQLSTATE and errno. No message carries the URL's password.
import { BanyanError, type ErrorCode } from '../kernel/error.ts';

const BY_SQLSTATE: Readonly<Record<string, ErrorCode>> = {
  '28000': 'SOURCE_UNREACHABLE',
  '28P01': 'SOURCE_UNREACHABLE',
  '3D000': 'SOURCE_UNREACHABLE',
  '53300': 'SOURCE_UNREACHABLE',
  '57P01': 'SOURCE_UNREACHABLE',
  '57P02': 'SOURCE_UNREACHABLE',
  '57P03': 'SOURCE_UNREACHABLE',
  '42501': 'SOURCE_PRIVILEGE_MISSING',
  '55006': 'SLOT_IN_USE',
  '55000': 'SOURCE_WAL_LEVEL',
};
const ERRNO =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|ENOTFOUND|ETIMEDOUT|EPIPE|EHOSTUNREACH|EHOSTDOWN|EAI_AGAIN|ENETUNREACH|ENETDOWN)$/;
/** What the driver itself says of a connection that is gone, or that did not come about in time: without any code. */
const GONE = /Connection terminated|connection timeout|timeout expired|timeout exceeded|is not queryable/i;

/** The fault with a code, the original as its cause; an error that is none of PostgreSQL's stays what it is. */
export function postgresFault(error: unknown, at: string): unknown {
  if (!(error instanceof Error) || error instanceof BanyanError) return error;
  const code = 'code' in error ? String(error.code) : '';
  // `55000` also says other things; only the one about the WAL has this text in every locale's English source.
  const known = code === '55000' && !error.message.includes('wal_level') ? undefined : BY_SQLSTATE[code];
  if (known) return new BanyanError(known, sentence(known), { at, why: error.message, cause: error });
  const isSocket =
    ERRNO.test(code) ||
    // Class 08: connection exceptions.
    /^08[0-9A-Z]{3}$/.test(code) ||
    error instanceof AggregateError ||
    GONE.test(error.message);
  return isSocket
    ? new BanyanError('SOURCE_UNREACHABLE', sentence('SOURCE_UNREACHABLE'), {
        at,
        why: error.message || code,
        cause: error,
      })
    : error;
}

function sentence(code: ErrorCode): string {
  switch (code) {
    case 'SOURCE_PRIVILEGE_MISSING':
      return 'The role may not do this at the source';
    case 'SLOT_IN_USE':
      return 'The replication slot is in use by another process';
    case 'SOURCE_WAL_LEVEL':
      return 'The source does not write what logical replication needs';
    default:
      return 'The source cannot be reached, or refuses the log-in';
  }
}

/** Where, for a person: host, port and database of a URL, never its user or password. */
export function addressOf(url: string): string {
  try {
    const { hostname, port, pathname } = new URL(url);
    return `${hostname}:${port || 5432}${pathname}`;
  } catch {
    return 'the source';
  }
}
