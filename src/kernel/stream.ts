// Stream names: `post-42` is one entity's events, `post` the category of all such streams.

/** `category-id`. The category holds no hyphen; the id may hold anything. */
export type StreamName = string;
export type Category = string;

export function streamName(category: Category, id: string): StreamName {
  return `${category}-${id}`;
}

/** The part before the first hyphen. Throws a RangeError on a name without category or id. */
export function categoryOf(stream: StreamName): Category {
  const hyphen = stream.indexOf('-');
  if (hyphen < 1 || hyphen === stream.length - 1) {
    throw new RangeError(`Not a stream name: "${stream}" (expected category-id, such as post-42)`);
  }
  return stream.slice(0, hyphen);
}

/** The part after the first hyphen. */
export function idOf(stream: StreamName): string {
  return stream.slice(stream.indexOf('-') + 1);
}

/** What a writer believes about a stream: an exact version (0 = empty), or a looser claim. */
export type ExpectedVersion = number | 'none' | 'exists' | 'any';
