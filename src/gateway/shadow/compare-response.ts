// Compares two JSON answers as JSON: the order of keys and the white space do not matter, numbers are compared by their
// text, because a number that JavaScript rounds would make two different identifiers equal.
import type { JsonPath, PathTest } from './json-path.ts';

export interface Difference {
  readonly path: JsonPath;
  /** JSON text; undefined when that side has no such field. */
  readonly left: string | undefined;
  readonly right: string | undefined;
}

/** A number as it was written. */
class ExactNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

export type ExactJson =
  | null
  | boolean
  | string
  | ExactNumber
  | readonly ExactJson[]
  | { readonly [key: string]: ExactJson };

/** More than a person would read; the rest is only more of the same. */
const DIFFERENCE_LIMIT = 100;

/** Throws a SyntaxError on what is not JSON. */
export function parseExact(text: string): ExactJson {
  const revive = (_key: string, value: unknown, context: { readonly source?: string }): unknown =>
    typeof value === 'number' ? new ExactNumber(context.source ?? String(value)) : value;
  // The reviver's third argument is newer than the type declarations.
  return JSON.parse(text, revive as (key: string, value: unknown) => unknown) as ExactJson;
}

/** Where the two differ, in document order, at most a hundred places; `ignored` paths and all below them left out. */
export function compareJson(
  left: ExactJson,
  right: ExactJson,
  ignored: readonly PathTest[],
): readonly Difference[] {
  const differences: Difference[] = [];
  const walk = (a: ExactJson | undefined, b: ExactJson | undefined, path: JsonPath): void => {
    if (differences.length >= DIFFERENCE_LIMIT || ignored.some((test) => path.length > 0 && test(path)))
      return;
    if (Array.isArray(a) && Array.isArray(b)) {
      for (let at = 0; at < Math.max(a.length, b.length); at += 1) walk(a[at], b[at], [...path, at]);
    } else if (isObject(a) && isObject(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
        walk(own(a, key), own(b, key), [...path, key]);
      }
    } else if (!isSameLeaf(a, b)) {
      differences.push({ path, left: textOf(a), right: textOf(b) });
    }
  };
  walk(left, right, []);
  return differences;
}

type JsonObject = { readonly [key: string]: ExactJson };

function isObject(value: ExactJson | undefined): value is JsonObject {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)
  );
}

function own(object: JsonObject, key: string): ExactJson | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function isSameLeaf(a: ExactJson | undefined, b: ExactJson | undefined): boolean {
  if (a instanceof ExactNumber && b instanceof ExactNumber) return a.text === b.text;
  return a === b;
}

function textOf(value: ExactJson | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (value instanceof ExactNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, field]) => `${JSON.stringify(key)}:${textOf(field)}`)
    .join(',')}}`;
}
