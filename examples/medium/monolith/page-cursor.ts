// Opaque page cursors: the sort key of the last row shown, so that a page never skips or repeats a row.
import { badRequest } from './api-error.ts';
import { isId } from './field.ts';

export interface FeedCursor {
  readonly publishedAt: Date;
  readonly id: string;
}

export interface ClapperCursor {
  readonly count: number;
  readonly memberId: string;
}

export function encodeFeedCursor({ publishedAt, id }: FeedCursor): string {
  return encode(publishedAt.getTime(), id);
}

export function decodeFeedCursor(text: string | null): FeedCursor | null {
  if (text === null) return null;
  const { key, id } = decode(text);
  const publishedAt = new Date(key);
  const year = publishedAt.getUTCFullYear();
  if (!(year >= 1970 && year <= 9999)) throw badCursor();
  return { publishedAt, id };
}

export function encodeClapperCursor({ count, memberId }: ClapperCursor): string {
  return encode(count, memberId);
}

export function decodeClapperCursor(text: string | null): ClapperCursor | null {
  if (text === null) return null;
  const { key, id } = decode(text);
  if (key > 50) throw badCursor();
  return { count: key, memberId: id };
}

function encode(key: number, id: string): string {
  return Buffer.from(`${key}.${id}`).toString('base64url');
}

function decode(text: string): { key: number; id: string } {
  const [key, id, ...rest] = Buffer.from(text, 'base64url').toString('latin1').split('.');
  if (!/^\d{1,15}$/.test(key ?? '') || !isId(id ?? '') || rest.length > 0) throw badCursor();
  return { key: Number(key), id: id! };
}

function badCursor(): Error {
  return badRequest('bad_cursor', '"cursor" is not one that this listing gave.');
}
