// Help: the same text for the terminal and, through `script/generate-docs.ts`, for the reference page.
import { EXIT } from '../kernel/error.ts';
import { type CommandSpec, GLOBAL_OPTIONS, type OptionSpec } from './command.ts';

export function overview(commands: readonly CommandSpec[]): string {
  const width = Math.max(...commands.map((command) => signature(command).length)) + 2;
  return [
    'banyan: move a running monolith to event-sourced services, one domain at a time',
    '',
    ...commands.map((command) => `  banyan ${signature(command).padEnd(width)} ${command.summary}`),
    '',
    `  banyan ${'help [command]'.padEnd(width)} this page, or one command's`,
    '',
    `Exit codes: ${Object.entries(EXIT)
      .map(([name, code]) => `${code} ${name}`)
      .join(', ')}`,
  ].join('\n');
}

export function commandHelp(command: CommandSpec): string {
  const lines = [`banyan ${signature(command)}`, `  ${command.summary}`];
  if (command.arguments.length > 0) {
    lines.push('', ...command.arguments.map(({ name, summary }) => `  ${`<${name}>`.padEnd(24)} ${summary}`));
  }
  const options = Object.entries({ ...command.options, ...GLOBAL_OPTIONS });
  lines.push(
    '',
    ...options.map(([name, option]) => `  ${optionName(name, option).padEnd(24)} ${option.summary}`),
  );
  const exits = Object.entries(command.exits);
  if (exits.length > 0)
    lines.push('', ...exits.map(([code, meaning]) => `  exit ${code.padEnd(19)} ${meaning}`));
  return lines.join('\n');
}

function signature(command: CommandSpec): string {
  const words = command.arguments.map(({ name, isRequired }) => (isRequired ? `<${name}>` : `[${name}]`));
  return [command.name, ...words].join(' ');
}

function optionName(name: string, option: OptionSpec): string {
  return `${option.short ? `-${option.short}, ` : ''}--${name}${option.value ? ` <${option.value}>` : ''}`;
}
