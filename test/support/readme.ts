// The README as tests run it: its sections, the code in them, and the command lines.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const README = resolve(import.meta.dirname, '../../README.md');

/** From a heading to the next one of its level. */
export function readmeSection(heading: string): string {
  const text = readFileSync(README, 'utf8');
  const start = text.indexOf(`${heading}\n`);
  if (start < 0) throw new Error(`The README has no section "${heading}"`);
  const end = text.indexOf('\n## ', start);
  return text.slice(start, end < 0 ? undefined : end);
}

/** What stands between fences of one language, in order. */
export function codeBlocks(text: string, language: string): readonly string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(
    ([, block]) => block!,
  );
}

/** The words of each `npx banyan …` line, without its comment. */
export function banyanCommands(text: string): readonly string[] {
  return codeBlocks(text, 'sh')
    .flatMap((block) => block.split('\n'))
    .flatMap((line) => /^npx banyan (?<words>[^#]+)/.exec(line)?.groups?.words?.trim() ?? []);
}
