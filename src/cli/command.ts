// What a command is: one typed description drives parsing, help, the reference page and its test.
import type { Config } from '../app/config.ts';
import type { Output } from './output.ts';

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  /** Placeholder of the value in help: `--timeout <duration>`. */
  readonly value?: string;
  readonly short?: string;
  readonly summary: string;
}

export interface ArgumentSpec {
  readonly name: string;
  readonly isRequired: boolean;
  readonly summary: string;
}

export interface CommandSpec {
  /** One or two words: `promote`, `events tail`. */
  readonly name: string;
  readonly summary: string;
  readonly arguments: readonly ArgumentSpec[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Exit codes beside 0, 1, 2 and 6 that mean something here. */
  readonly exits: Readonly<Record<number, string>>;
  /** Imported when the command runs, so that `banyan help` starts at once. */
  readonly load: () => Promise<{ readonly run: CommandRun }>;
}

export interface CommandContext {
  readonly arguments: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  readonly output: Output;
  /** Aborts on Ctrl-C and SIGTERM: finish what is under way, save, and return. */
  readonly signal: AbortSignal;
  /** Loads the config that `--config` names; its name heads the output. */
  readonly config: () => Promise<Config>;
}

/** Resolves to the exit code; faults are thrown as BanyanError. */
export type CommandRun = (context: CommandContext) => Promise<number>;

/** Options that every command takes. */
export const GLOBAL_OPTIONS: Readonly<Record<string, OptionSpec>> = {
  config: {
    type: 'string',
    value: 'file',
    short: 'c',
    summary: 'the config file (default: banyan.config.ts here)',
  },
  json: {
    type: 'boolean',
    summary: 'one JSON document on stdout (or one per line where it follows something)',
  },
  help: { type: 'boolean', short: 'h', summary: 'show the help of the command' },
};
