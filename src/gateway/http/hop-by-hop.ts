// The headers that belong to one connection and are never passed on (RFC 9110, 7.6.1), in either direction.

export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** What a `Connection` header names besides; undefined when it names nothing that is not dropped anyway. */
export function connectionNames(headers: readonly string[]): ReadonlySet<string> | undefined {
  let names: Set<string> | undefined;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]!.length !== 10 || headers[at]!.toLowerCase() !== 'connection') continue;
    const value = headers[at + 1]!;
    if (value === 'keep-alive' || value === 'close') continue;
    names ??= new Set();
    for (const name of value.split(',')) names.add(name.trim().toLowerCase());
  }
  return names;
}

/** Fields that change how a message is read, routed or trusted have no place behind its body (RFC 9110, 6.5.1). */
const NOT_IN_TRAILERS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'content-length',
  'content-type',
  'content-encoding',
  'content-range',
  'host',
  'authorization',
  'cookie',
  'set-cookie',
  'cache-control',
  'expect',
  'via',
]);

export function passableTrailers(trailers: readonly string[]): string[] {
  const passed: string[] = [];
  for (let at = 0; at < trailers.length; at += 2) {
    const key = trailers[at]!.toLowerCase();
    if (NOT_IN_TRAILERS.has(key) || key.startsWith('banyan-') || key.startsWith('x-forwarded-')) continue;
    passed.push(trailers[at]!, trailers[at + 1]!);
  }
  return passed;
}
