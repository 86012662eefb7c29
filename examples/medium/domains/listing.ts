// Listings: how long a page is, and ids as the stores keep them.
import { badRequest, notFound } from '../monolith/api-error.ts';
import { isId } from '../monolith/field.ts';

export function limitOf(search: URLSearchParams): number {
  const text = search.get('limit');
  if (text === null) return 30;
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > 100)
    throw badRequest('bad_limit', '"limit" must be a whole number from 1 to 100.');
  return limit;
}

/** The id in a path; one that cannot exist is not found. */
export function idOf(text: string, what: string): number {
  if (!isId(text)) throw notFound(what);
  return Number(text);
}
