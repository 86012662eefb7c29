// JSON paths as routes write them: `$.servedAt`, `$.items[*].rank`, `$.by.*.total`. No more than names, indexes and `*`.
import { BanyanError } from '../../kernel/error.ts';

export type JsonPath = readonly (string | number)[];
/** True for a path that the pattern names, or that lies below one. */
export type PathTest = (path: JsonPath) => boolean;

/** Throws CONFIG_INVALID on a pattern that is none. */
export function compileJsonPath(pattern: string): PathTest {
  const steps = parse(pattern);
  return (path) =>
    path.length >= steps.length && steps.every((step, at) => step === '*' || step === String(path[at]));
}

/** As a person reads it, with every index as `[*]`, so that the same field of many items is one path. */
export function formatJsonPath(path: JsonPath): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[*]`;
    return /^[\w$-]+$/.test(step) ? `${text}.${step}` : `${text}[${JSON.stringify(step)}]`;
  }, '$');
}

function parse(pattern: string): readonly string[] {
  const steps: string[] = [];
  let rest = pattern.startsWith('$') ? pattern.slice(1) : undefined;
  while (rest) {
    const step = /^(?:\.([\w$-]+|\*)|\[(\d+|\*)\]|\["([^"]+)"\])/.exec(rest);
    steps.push(step?.[1] ?? step?.[2] ?? step?.[3] ?? '');
    rest = step ? rest.slice(step[0].length) : undefined;
  }
  if (rest === undefined || steps.length === 0) {
    throw new BanyanError('CONFIG_INVALID', `\`${pattern}\` is not a JSON path`, {
      at: '`ignore` of a query',
      remedy: 'Write it like `$.servedAt` or `$.items[*].rank`.',
    });
  }
  return steps;
}
