// The data folder: the two logs, the read stores and the secrets that the roles of one machine share.
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EventStore } from '../event-store/event-store.ts';
import { openPostgresEventStore } from '../event-store/postgres/postgres-event-store.ts';
import { openSqliteEventStore } from '../event-store/sqlite/sqlite-event-store.ts';
import { BanyanError } from '../kernel/error.ts';
import type { Config } from './config.ts';

export interface WorkspacePaths {
  readonly eventLog: string;
  readonly changeLog: string;
  readonly translation: string;
  readonly controlToken: string;
  readonly sessionSecret: string;
  readonly leases: string;
  /** The folder of the read stores of one domain's service. */
  store(domain: string): string;
  /** A place for files that live as long as one command. */
  readonly scratch: string;
}

export function workspacePaths(config: Config): WorkspacePaths {
  const at = (...names: string[]): string => join(config.dataDir, ...names);
  return {
    eventLog: at('log.db'),
    changeLog: at('changes.db'),
    translation: at('translation.db'),
    controlToken: at('control-token'),
    sessionSecret: at('session-secret'),
    leases: at('leases.db'),
    store: (domain) => at('store', domain),
    scratch: at('scratch'),
  };
}

export async function openEventLog(config: Config): Promise<EventStore> {
  return openLog(config, 'log', workspacePaths(config).eventLog);
}

export async function openChangeLog(config: Config): Promise<EventStore> {
  return openLog(config, 'changes', workspacePaths(config).changeLog);
}

/** Each log is a schema of its own in the configured PostgreSQL, or a file. */
async function openLog(config: Config, schema: string, path: string): Promise<EventStore> {
  await makeDataDir(config);
  return config.log
    ? openPostgresEventStore({ url: config.log.url, schema: `banyan_${config.name}_${schema}` })
    : openSqliteEventStore({ path });
}

/** What guards the control endpoints: `BANYAN_CONTROL_TOKEN`, else a secret drawn once and kept beside the log. */
export function controlToken(config: Config): Promise<string> {
  return sharedSecret('BANYAN_CONTROL_TOKEN', workspacePaths(config).controlToken, config);
}

/** What signs read-your-writes tokens: `BANYAN_SESSION_SECRET`, else a secret drawn once and kept beside the log. */
export function sessionSecret(config: Config): Promise<string> {
  return sharedSecret('BANYAN_SESSION_SECRET', workspacePaths(config).sessionSecret, config);
}

async function sharedSecret(variable: string, path: string, config: Config): Promise<string> {
  const given = process.env[variable];
  if (given) return given;
  const known = await readFile(path, 'utf8').catch(() => '');
  if (known !== '') return known.trim();
  await makeDataDir(config);
  const drawn = `${path}-${randomBytes(8).toString('hex')}`;
  try {
    await writeFile(drawn, randomBytes(24).toString('base64url'), { mode: 0o600 });
    // Exactly one process gives it its name, and whole: everyone else reads what that one drew.
    await link(drawn, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unwritable(config, error);
  } finally {
    await rm(drawn, { force: true });
  }
  return (await readFile(path, 'utf8')).trim();
}

async function makeDataDir(config: Config): Promise<void> {
  const paths = workspacePaths(config);
  await mkdir(join(config.dataDir, 'store'), { recursive: true }).catch((error: unknown) => {
    throw unwritable(config, error);
  });
  await mkdir(paths.scratch, { recursive: true });
}

function unwritable(config: Config, cause: unknown): BanyanError {
  return new BanyanError('CONFIG_INVALID', 'The data folder cannot be written', {
    at: config.dataDir,
    cause,
    remedy: 'Set `dataDir` to a folder that this user may write.',
  });
}
