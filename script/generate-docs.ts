// `npm run docs`: the pages that say what the code says already, made from the code. A test compares them with what it
// would make now, so none of them can go stale.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { COMMANDS } from '../src/cli/command-table.ts';
import { commandHelp, overview } from '../src/cli/help.ts';
import { ERRORS, EXIT } from '../src/kernel/error.ts';
import { STAGE_MEANING, STAGES } from '../src/kernel/stage.ts';
import { gatesOf } from '../src/migration/gate.ts';
import { DEFAULT_GATE_LIMITS } from '../src/migration/gate-limits.ts';
import { TRANSITIONS } from '../src/migration/transition.ts';

const MADE = '<!-- Made by `npm run docs` from the code. Change the code, not this page. -->';

/** By path below the project's folder: the text that belongs there. */
export function documents(): Readonly<Record<string, string>> {
  return { 'docs/cli.md': cliPage(), 'docs/errors.md': errorPage(), 'docs/stages.md': stagePage() };
}

function cliPage(): string {
  const sections = COMMANDS.map((command) => `## ${command.name}\n\n${code(commandHelp(command))}`);
  return page(
    'The command',
    'Data goes to stdout, everything said beside it to stderr. With `--json` stdout holds one document, ' +
      '`{ schema, at, ok, data, next }`, or one a line where a command follows something; a fault is ' +
      '`{ schema, at, ok: false, error: { code, what, at, why, do, details } }`. Without a terminal there are no colours and ' +
      'no redrawn lines.',
    code(overview(COMMANDS)),
    ...sections,
  );
}

function errorPage(): string {
  const rows = Object.entries(ERRORS).map(
    ([name, { retry, exit, remedy }]) =>
      `| \`${name}\` | ${EXIT[exit]} | ${RETRY[retry]} | ${cell(remedy)} |`,
  );
  return page(
    'Errors',
    'A fault is known by its code, never by its message, and says what, where, why, and what to do. Its code decides the exit ' +
      'code and whether a running role tries again.',
    ['| code | exit | a running role | do |', '| --- | --- | --- | --- |', ...rows].join('\n'),
  );
}

const RETRY = { never: 'gives up', backoff: 'tries again', operator: 'waits for a person' } as const;

function stagePage(): string {
  const moves = STAGES.flatMap((stage) => {
    const { promote } = TRANSITIONS[stage];
    const label = promote === stage ? 'greater share' : 'promote';
    return promote === 'refused' ? [] : [`  ${stage} --> ${promote}: ${label}`];
  });
  const back = STAGES.flatMap((stage) => {
    const { rollback } = TRANSITIONS[stage];
    return rollback === 'refused' ? [] : [`  ${stage} --> ${rollback}: rollback`];
  });
  const rows = STAGES.map((stage) => `| \`${stage}\` | ${STAGE_MEANING[stage]} | ${gateNames(stage)} |`);
  const limits = Object.entries(DEFAULT_GATE_LIMITS).map(([name, value]) => `| \`${name}\` | ${value} |`);
  return page(
    'Stages of a domain',
    '`banyan promote` moves a domain one stage on when the gates of that stage pass; `banyan rollback` moves it one stage back ' +
      'and is never gated. Each move is one event in the log. A gate that lacks data does not pass.',
    `\`\`\`mermaid\nstateDiagram-v2\n  [*] --> ${STAGES[0]}\n${[...moves, ...back].join('\n')}\n\`\`\``,
    ['| stage | what holds in it | gates on the way in |', '| --- | --- | --- |', ...rows].join('\n'),
    `A greater share of sessions within \`reading\` also asks for: ${moreReads()}.`,
    [
      'Limits, set under `gates` in the config, and their defaults:',
      '',
      '| limit | default |',
      '| --- | --- |',
    ]
      .concat(limits)
      .join('\n'),
  );
}

function gateNames(stage: (typeof STAGES)[number]): string {
  const from = STAGES[STAGES.indexOf(stage) - 1];
  if (!from) return '–';
  const at = (one: typeof stage) => ({ stage: one, percent: 0 });
  return gatesOf({ direction: 'promote', from: at(from), to: at(stage) }).join(', ') || '–';
}

function moreReads(): string {
  const reading = { stage: 'reading', percent: 1 } as const;
  const first = gateNames('reading').split(', ');
  return gatesOf({ direction: 'promote', from: reading, to: { ...reading, percent: 25 } })
    .filter((gate) => !first.includes(gate))
    .join(', ');
}

function page(title: string, ...parts: readonly string[]): string {
  return `${[`# ${title}`, MADE, ...parts].join('\n\n')}\n`;
}

function code(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

if (import.meta.main) {
  for (const [path, text] of Object.entries(documents())) {
    writeFileSync(resolve(import.meta.dirname, '..', path), text);
  }
}
