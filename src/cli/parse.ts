// From words to a command: names, arguments and options as the command table describes them, or a USAGE error.
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { BanyanError } from '../kernel/error.ts';
import { STAGES, type Stage } from '../kernel/stage.ts';
import { type CommandSpec, GLOBAL_OPTIONS } from './command.ts';

export interface ParsedCommand {
  readonly spec: CommandSpec;
  readonly arguments: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
}

export function findCommand(
  words: readonly string[],
  commands: readonly CommandSpec[],
): CommandSpec | undefined {
  const names = words.filter((word) => !word.startsWith('-'));
  return (
    commands.find((command) => command.name === names.slice(0, 2).join(' ')) ??
    commands.find((command) => command.name === names[0])
  );
}

export function parseCommand(words: readonly string[], commands: readonly CommandSpec[]): ParsedCommand {
  const spec = findCommand(words, commands);
  const named = words.find((word) => !word.startsWith('-'));
  if (!spec) {
    const family = commands
      .filter((command) => command.name.startsWith(`${named} `))
      .map((command) => command.name);
    throw usage(
      family.length > 0 ? `\`${named}\` needs a second word` : `There is no command \`${named ?? ''}\``,
      family.length > 0
        ? `Say one of: ${family.map((name) => `banyan ${name}`).join(', ')}.`
        : 'See `banyan help`.',
    );
  }
  const options: ParseArgsOptionsConfig = {};
  for (const [name, { type, short }] of Object.entries({ ...GLOBAL_OPTIONS, ...spec.options })) {
    options[name] = short ? { type, short } : { type };
  }
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  } catch (cause) {
    throw usage(optionMistake(cause, spec), `See \`banyan help ${spec.name}\`.`);
  }
  const positionals = parsed.positionals.slice(spec.name.split(' ').length);
  if (positionals.length > spec.arguments.length) {
    throw usage(
      `\`${spec.name}\` does not take \`${positionals[spec.arguments.length]}\``,
      `See \`banyan help ${spec.name}\`.`,
    );
  }
  const values: Record<string, string> = {};
  for (const [index, argument] of spec.arguments.entries()) {
    const value = positionals[index];
    if (value !== undefined) values[argument.name] = value;
    else if (argument.isRequired && parsed.values.help !== true) {
      throw usage(
        `\`${spec.name}\` needs <${argument.name}>: ${argument.summary}`,
        `See \`banyan help ${spec.name}\`.`,
      );
    }
  }
  return { spec, arguments: values, options: parsed.values as ParsedCommand['options'] };
}

/** `30s`, `10m`, `2h`, `500ms` in milliseconds. */
export function parseDuration(option: string, text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (!match) throw usage(`--${option} is "${text}"; expected a duration`, 'Write 500ms, 30s, 10m or 2h.');
  return Number(match[1]) * { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }[match[2] as 'ms' | 's' | 'm' | 'h'];
}

/** A whole number within bounds. */
export function parseWhole(option: string, text: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) {
    throw usage(
      `--${option} is "${text}"; expected a whole number from ${least} to ${most}`,
      `Write --${option} ${least}.`,
    );
  }
  return value;
}

/** One of the stages. */
export function parseStage(option: string, text: string): Stage {
  const stage = STAGES.find((known) => known === text);
  if (!stage) throw usage(`--${option} is "${text}"; expected a stage`, `Use one of: ${STAGES.join(', ')}.`);
  return stage;
}

export function usage(what: string, remedy: string): BanyanError {
  return new BanyanError('USAGE', what, { remedy });
}

/** Node's words for a wrong option, but for a missing value, where the command's own say what is missing. */
function optionMistake(cause: unknown, spec: CommandSpec): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const name = /--([\w-]+)/.exec(message)?.[1] ?? '';
  const option = spec.options[name] ?? GLOBAL_OPTIONS[name];
  const isValueMissing = errorCodeOf(cause) === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE';
  if (isValueMissing && option?.type === 'string')
    return `--${name} needs <${option.value}>: ${option.summary}`;
  return message.split(/\.\s/)[0]!;
}

function errorCodeOf(cause: unknown): unknown {
  return cause instanceof Error && 'code' in cause ? cause.code : undefined;
}
