// Commands over HTTP: preconditions and idempotency keys of a request, and the answer that an outcome is. An entity's ETag is
// the version of its stream (RFC 9110, 13.1); a key is a string of the client's (draft-ietf-httpapi-idempotency-key-header).
import type { IncomingHttpHeaders } from 'node:http';
import { BanyanError } from '../kernel/error.ts';
import type { ExpectedVersion } from '../kernel/stream.ts';
import type { CommandOutcome } from './execute.ts';

export interface CommandPreconditions {
  readonly expectedVersion?: ExpectedVersion;
  readonly idempotencyKey?: string;
}

export interface CommandAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON text, as a problem document (RFC 9457) for everything but success; empty = no body. */
  readonly body: string;
}

const KEY_LENGTH_MAX = 255;

/** Rejects what it cannot honour (USAGE, answered 400): a precondition that is ignored would be worse than none. */
export function readPreconditions(headers: IncomingHttpHeaders): CommandPreconditions {
  const match = headers['if-match'];
  const noneMatch = headers['if-none-match'];
  if (match !== undefined && noneMatch !== undefined)
    throw malformed('If-Match and If-None-Match exclude each other');
  if (noneMatch !== undefined && noneMatch.trim() !== '*')
    throw malformed('If-None-Match of a command is `*`');
  const key = headers['idempotency-key'];
  return {
    ...(match === undefined ? {} : { expectedVersion: versionOf(match) }),
    ...(noneMatch === undefined ? {} : { expectedVersion: 'none' as const }),
    ...(key === undefined ? {} : { idempotencyKey: keyOf(String(key)) }),
  };
}

/** `location` is sent with a 201, for a command that made something. */
export function answerCommand(outcome: CommandOutcome, location?: string): CommandAnswer {
  switch (outcome.outcome) {
    case 'done':
      return {
        status: location === undefined ? 204 : 201,
        headers: { etag: etag(outcome.version), ...(location === undefined ? {} : { location }) },
        body: '',
      };
    case 'refused': {
      const { code, what } = outcome.refusal;
      return problem(422, what, { code }, { etag: etag(outcome.version) });
    }
    case 'conflict':
      return problem(
        412,
        'It is no longer as the request expects',
        { code: 'version-conflict', version: outcome.actual },
        { etag: etag(outcome.actual) },
      );
  }
}

/** What a fault of `readPreconditions` or `execute` is to a client; undefined for what is no business of theirs. */
export function answerCommandFault(error: unknown): CommandAnswer | undefined {
  if (!(error instanceof BanyanError)) return undefined;
  if (error.code === 'USAGE') return problem(400, error.message, { code: 'malformed-precondition' });
  if (error.code === 'COMMAND_CONTENDED')
    return problem(409, 'Too many at once', { code: 'contended' }, RETRY);
  if (error.code === 'LOG_UNREACHABLE') return problem(503, 'Try again', { code: 'unavailable' }, RETRY);
  return undefined;
}
const RETRY = { 'retry-after': '1' };

export function etag(version: number): string {
  return `"${version}"`;
}

function versionOf(match: string): ExpectedVersion {
  if (match.trim() === '*') return 'exists';
  const version = /^\s*"(?<version>\d{1,15})"\s*$/.exec(match)?.groups?.version;
  if (version === undefined) throw malformed('If-Match is not one strong ETag of this service');
  return Number(version);
}

function keyOf(value: string): string {
  const key = /^"(?<key>[^"]*)"$/.exec(value)?.groups?.key ?? value;
  if (!/^[\x21-\x7e]+$/.test(key) || key.length > KEY_LENGTH_MAX)
    throw malformed(`Idempotency-Key is not 1 to ${KEY_LENGTH_MAX} visible characters`);
  return key;
}

function malformed(what: string): BanyanError {
  return new BanyanError('USAGE', what, { remedy: 'Correct the header, or leave it out.' });
}

function problem(
  status: number,
  title: string,
  more: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): CommandAnswer {
  const body = JSON.stringify({ type: 'about:blank', title, status, ...more });
  return { status, headers: { 'content-type': 'application/problem+json', ...headers }, body };
}
