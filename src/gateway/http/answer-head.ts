// An upstream's answer head as the client gets it: hop-by-hop and internal headers dropped, all else in order and number.
import type { AnswerHead } from './answer-parser.ts';
import { connectionNames, HOP_BY_HOP } from './hop-by-hop.ts';

/** `takesTrailers`: the client asked for trailers, so their announcement goes on with them. */
export function clientHeaders(head: AnswerHead, takesTrailers: boolean): string[] {
  const { headers, framing } = head;
  const named = connectionNames(headers);
  const passed: string[] = [];
  for (let at = 0; at < headers.length; at += 2) {
    const key = headers[at]!.toLowerCase();
    if (key === 'trailer' && takesTrailers && framing === 'chunked')
      passed.push(headers[at]!, headers[at + 1]!);
    if (HOP_BY_HOP.has(key) || key.startsWith('banyan-') || named?.has(key)) continue;
    passed.push(headers[at]!, headers[at + 1]!);
  }
  return passed;
}

/** The first value of a header; `name` in lower case. */
export function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at]!.length === name.length && headers[at]!.toLowerCase() === name) return headers[at + 1];
  }
  return undefined;
}
