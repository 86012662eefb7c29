// Finds and loads the config file. Node runs it as it is (type stripping); whatever goes wrong names the file and line.
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { BanyanError } from '../kernel/error.ts';
import { type Config, resolveConfig } from './config.ts';

const NAMES = ['banyan.config.ts', 'banyan.config.js', 'banyan.config.mjs'];

/** Loads `path`, or the first `banyan.config.*` of the working folder. */
export async function loadConfig(path?: string): Promise<Config> {
  const file = await findConfig(path);
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (cause) {
    if (cause instanceof BanyanError) throw cause;
    const reason = cause instanceof Error ? cause : new Error(String(cause));
    const isStripping = 'code' in reason && reason.code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX';
    throw new BanyanError(
      'CONFIG_INVALID',
      `The config file could not be loaded: ${reason.message.split('\n')[0]}`,
      {
        at: /(?:file:\/\/)?([^\s()]+:\d+)/.exec(reason.stack ?? '')?.[1] ?? file,
        ...(isStripping
          ? { why: 'Node only strips types: enums, namespaces and parameter properties are refused' }
          : {}),
        cause,
      },
    );
  }
  if (module.default === undefined) {
    throw new BanyanError('CONFIG_INVALID', 'The config file has no default export', {
      at: file,
      remedy: `Write \`export default defineConfig({ … })\` in ${file}.`,
    });
  }
  return resolveConfig(module.default, file, dirname(file));
}

async function findConfig(path: string | undefined): Promise<string> {
  const candidates = path ? [resolve(path)] : NAMES.map((name) => join(process.cwd(), name));
  for (const candidate of candidates) {
    if ((await stat(candidate).catch(() => undefined))?.isFile()) return candidate;
  }
  throw new BanyanError(
    'CONFIG_NOT_FOUND',
    path ? `There is no config file ${path}` : `There is no ${NAMES[0]} here`,
    {
      at: path ? resolve(path) : process.cwd(),
    },
  );
}
