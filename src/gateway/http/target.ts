// The raw request target. It is forwarded as it came; only a copy is looked at, and where two readers could see two
// different paths in it, it is ambiguous.

/** The path of an origin-form target, still encoded. */
export function pathOf(target: string): string {
  const query = target.indexOf('?');
  return query < 0 ? target : target.slice(0, query);
}

/** Slash, backslash or NUL in disguise, also encoded twice; a dot segment in any writing; a fragment. */
const AMBIGUOUS = /%(?:25)?(?:2f|5c|00)|%252e|\\|\0|#|\/(?:\.|%2e){1,2}(?:[/;]|$)/i;

export function isAmbiguous(path: string): boolean {
  return AMBIGUOUS.test(path);
}

/** What the most lenient reader could take an ambiguous path for: to see which routes it may touch. */
export function lenientPath(path: string): string {
  let text = path;
  // Decoded again and again: some servers decode twice. Each round makes it shorter.
  for (let before = ''; before !== text; ) {
    before = text;
    text = text.replace(/%([0-9a-f]{2})/gi, (_whole, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
  }
  const segments: string[] = [];
  for (const segment of text.replace(/[\\]/g, '/').replace(/\0/g, '').split('/')) {
    const name = segment.replace(/[;#?].*$/s, '');
    if (name === '..') segments.pop();
    else if (name !== '' && name !== '.') segments.push(name);
  }
  return `/${segments.join('/')}`;
}
