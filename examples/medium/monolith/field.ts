// Reads what a client sent, field by field, and refuses what the database could not hold.
import { badRequest, notFound, unauthorized } from './api-error.ts';
import type { ApiRequest } from './router.ts';
import type { Reader } from './token.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

interface TextBounds {
  readonly min?: number;
  readonly max: number;
}

export function textField(body: JsonObject, name: string, { min = 0, max }: TextBounds): string {
  const value = body[name];
  if (typeof value !== 'string') throw badRequest('bad_field', `"${name}" must be a text.`);
  const text = value.trim();
  if (text.includes('\0')) throw badRequest('bad_field', `"${name}" must not contain a NUL character.`);
  if (text.length < min || text.length > max) {
    throw badRequest('bad_field', `"${name}" must have ${min} to ${max} characters.`);
  }
  return text;
}

export function integerField(body: JsonObject, name: string, min: number, max: number): number {
  const value = body[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    throw badRequest('bad_field', `"${name}" must be a whole number from ${min} to ${max}.`);
  }
  return value;
}

/** A picture is a web address, or `gradient:<seed>`, which the front draws by itself. */
export function pictureField(body: JsonObject, name: string): string | null {
  if (body[name] === null || body[name] === '') return null;
  const text = textField(body, name, { max: 500 });
  if (/^gradient:[\w.-]{1,80}$/.test(text)) return text;
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw badRequest('bad_field', `"${name}" must be an http(s) address or gradient:<seed>.`);
}

export function optionalIdField(body: JsonObject, name: string): string | null {
  const value = body[name];
  if (value === null || value === '') return null;
  if (typeof value !== 'string' || !isId(value)) throw badRequest('bad_field', `"${name}" must be an id.`);
  return value;
}

/** The `:id` of the path; an id that cannot exist is not found. */
export function idParameter(request: ApiRequest, what: string): string {
  const id = request.params.id ?? '';
  if (!isId(id)) throw notFound(what);
  return id;
}

export function limitParameter(request: ApiRequest): number {
  const text = request.query.get('limit');
  if (text === null) return 30;
  const limit = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > 100)
    throw badRequest('bad_limit', '"limit" must be a whole number from 1 to 100.');
  return limit;
}

export function requireMember(request: ApiRequest): Reader {
  if (!request.reader) throw unauthorized('token_required', 'Log in first: this needs a bearer token.');
  return request.reader;
}

const MAX_BIGINT = 9223372036854775807n;

export function isId(text: string): boolean {
  return /^[1-9]\d{0,18}$/.test(text) && BigInt(text) <= MAX_BIGINT;
}
