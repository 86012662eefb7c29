// The command line: parse, load the one command, run it, and turn whatever happens into the documented exit code.
import { loadConfig } from '../app/load-config.ts';
import { type BanyanError, ERRORS, EXIT, errorCode } from '../kernel/error.ts';
import type { CommandContext } from './command.ts';
import { COMMANDS } from './command-table.ts';
import { commandHelp, overview } from './help.ts';
import { createOutput } from './output.ts';
import { findCommand, parseCommand, usage } from './parse.ts';

/** Runs one command line (without `node` and the script) and resolves to its exit code. */
export async function main(words: readonly string[]): Promise<number> {
  const output = createOutput(words.includes('--json'));
  const interruption = new AbortController();
  let received: 'SIGINT' | 'SIGTERM' | undefined;
  const interrupt = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (received) process.exit(signal === 'SIGINT' ? EXIT.interrupted : EXIT.terminated);
    received = signal;
    interruption.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  // Whoever read along has had enough (`banyan events tail | head`): nobody is left to tell anything.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT.done);
  });
  try {
    if (words.length === 0 || words[0] === 'help' || (words[0] === '--help' && words.length === 1)) {
      return help(words.slice(1));
    }
    if (words[0] === 'version' || words[0] === '--version') return version();
    const parsed = parseCommand(words, COMMANDS);
    if (parsed.options.help === true) return help(parsed.spec.name.split(' '));
    const command = await parsed.spec.load();
    const context: CommandContext = {
      ...parsed,
      output,
      signal: interruption.signal,
      config: () => loadConfig(parsed.options.config as string | undefined),
    };
    return await command.run(context);
  } catch (error) {
    if (received && (interruption.signal.aborted || errorCode(error) === 'INTERRUPTED')) {
      output.note('Interrupted; state is saved. Run the same command again to go on.');
      return received === 'SIGINT' ? EXIT.interrupted : EXIT.terminated;
    }
    return report(error, output);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }

  function help(names: readonly string[]): number {
    const command = names.length > 0 ? findCommand(names, COMMANDS) : undefined;
    if (names.length > 0 && !command)
      throw usage(`There is no command \`${names.join(' ')}\``, 'See `banyan help`.');
    process.stdout.write(`${command ? commandHelp(command) : overview(COMMANDS)}\n`);
    return EXIT.done;
  }
}

async function version(): Promise<number> {
  const { default: manifest } = (await import('../../package.json', { with: { type: 'json' } })) as {
    default: { version: string };
  };
  process.stdout.write(`${manifest.version}\n`);
  return EXIT.done;
}

function report(error: unknown, output: ReturnType<typeof createOutput>): number {
  const code = errorCode(error);
  if (code) {
    output.error(error as BanyanError);
    return EXIT[ERRORS[code].exit];
  }
  // Anything without a code is a bug of ours: the stack is what helps then.
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.stderr.write('This is a bug in Banyan, not in your configuration.\n');
  return EXIT.bug;
}
