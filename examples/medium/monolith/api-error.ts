// What a client did wrong, as it is told: an HTTP status, a stable code, and a sentence.

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'ApiError';
    this.status = status;
    this.code = code;
  }
}

export const badRequest = (code: string, message: string): ApiError => new ApiError(400, code, message);
export const unauthorized = (code: string, message: string): ApiError => new ApiError(401, code, message);
export const forbidden = (code: string, message: string): ApiError => new ApiError(403, code, message);
export const notFound = (what: string): ApiError =>
  new ApiError(404, 'not_found', `There is no such ${what}.`);
export const conflict = (code: string, message: string): ApiError => new ApiError(409, code, message);

const CONSTRAINTS: Readonly<Record<string, () => ApiError>> = {
  members_handle_key: () => conflict('handle_taken', 'That handle belongs to another member.'),
  members_email_key: () => conflict('email_taken', 'A member with that email exists already.'),
  publications_slug_key: () => conflict('slug_taken', 'A publication with that slug exists already.'),
  publications_owner_id_fkey: () => unauthorized('member_unknown', 'The token names no member.'),
  posts_author_id_fkey: () => unauthorized('member_unknown', 'The token names no member.'),
  claps_member_id_fkey: () => unauthorized('member_unknown', 'The token names no member.'),
  posts_publication_id_fkey: () => badRequest('publication_unknown', 'There is no such publication.'),
};

/** No server, a server that stops or starts, or no connection left. */
const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', '57P01', '57P02', '57P03', '53300']);

/** What the client is told about a failed statement; an error that nobody expected is returned as it came. */
export function translateDatabaseError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if ('code' in error && UNREACHABLE.has(String(error.code))) {
    return new ApiError(503, 'database_unreachable', 'The database cannot be reached. Try again soon.');
  }
  return ('constraint' in error && CONSTRAINTS[String(error.constraint)]?.()) || error;
}
