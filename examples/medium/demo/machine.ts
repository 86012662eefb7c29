// Everything the example needs on one machine, each role a process of its own: PostgreSQL, the monolith, capture, four
// services and the gateway. Starts from nothing and ends without leaving a process behind.
import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/testing/embedded-postgres.ts';
import {
  DEFAULT_ENVIRONMENT,
  DOMAIN_NAMES,
  type DomainName,
  type Environment,
  PROJECT,
  writeEnvironment,
} from '../environment.ts';
import { migrate } from '../monolith/database.ts';
import { seed } from '../monolith/seed.ts';
import { answers, type RunningProcess, startProcess } from './child-process.ts';

export interface MachineOptions {
  /** Everything goes under here, and what was there before goes away. */
  readonly dataDir: string;
  /** Where the environment is written; `undefined` = where the `banyan` command looks by itself. */
  readonly environmentFile?: string;
  readonly scale: number;
  /** Take the documented ports where they are free; else any. */
  readonly isDefaultPorts: boolean;
  readonly onStep?: (what: string) => void;
}

export interface Machine extends AsyncDisposable {
  readonly environment: Environment;
  readonly environmentFile: string;
  readonly postgres: EmbeddedPostgres;
  readonly monolith: RunningProcess;
  readonly gatewayUrl: string;
  /** By role name: `capture`, `gateway`, `service posts` … */
  role(name: RoleName): RunningProcess;
  /** Starts a role that was stopped or killed, with more environment if a test wants it. */
  startRole(name: RoleName, env?: Readonly<Record<string, string>>): Promise<RunningProcess>;
}

export type RoleName = 'capture' | 'gateway' | `service ${DomainName}`;
export const ROLES: readonly RoleName[] = [
  'capture',
  ...DOMAIN_NAMES.map((name) => `service ${name}` as const),
  'gateway',
];

export async function startMachine(asked: MachineOptions): Promise<Machine> {
  const options = { ...asked, dataDir: resolve(asked.dataDir) };
  const say = options.onStep ?? (() => undefined);
  const running: AsyncDisposable[] = [];
  const stopAll = async (): Promise<void> => {
    for (const part of running.reverse()) await part[Symbol.asyncDispose]();
  };
  try {
    rmSync(options.dataDir, { recursive: true, force: true });
    say('PostgreSQL');
    const postgres = await startEmbeddedPostgres({ dataDir: join(options.dataDir, 'postgres') });
    running.push(postgres);
    const databaseUrl = await createDatabase(postgres);
    say('the monolith and its data');
    await migrate(databaseUrl);
    await seed(databaseUrl, { scale: options.scale });

    const environmentFile = resolve(
      options.environmentFile ?? join(PROJECT, '.data/medium/environment.json'),
    );
    const environment = await chooseEnvironment(options, databaseUrl);
    writeEnvironment(environment, environmentFile);
    const logFile = (name: string): string => join(options.dataDir, 'log', `${name.replace(' ', '-')}.log`);

    const monolith = await startProcess({
      name: 'monolith',
      command: [join(PROJECT, 'examples/medium/monolith/main.ts')],
      env: {
        DATABASE_URL: databaseUrl,
        PORT: new URL(environment.monolithUrl).port,
        MEDIUM_KEY_FILE: environment.keyFile,
      },
      logFile: logFile('monolith'),
      isReady: answers(`${environment.monolithUrl}/healthz`),
    });
    running.push(monolith);

    const roles = new Map<RoleName, RunningProcess>();
    const startRole = async (
      name: RoleName,
      env: Readonly<Record<string, string>> = {},
    ): Promise<RunningProcess> => {
      const [role, domain] = name.split(' ') as [string, DomainName | undefined];
      const process = await startProcess({
        name,
        command: [
          join(PROJECT, 'bin/banyan.js'),
          'run',
          ...['--role', role, ...(domain ? ['--domain', domain] : [])],
          ...['--config', join(PROJECT, 'examples/medium/banyan.config.ts')],
        ],
        env: { MEDIUM_ENVIRONMENT: environmentFile, MEDIUM_KEY_FILE: environment.keyFile, ...env },
        logFile: logFile(name),
        isReady: answers(`http://127.0.0.1:${controlPort(environment, name)}/livez`),
      });
      roles.set(name, process);
      return process;
    };
    say('capture, four services and the gateway');
    running.push({ [Symbol.asyncDispose]: () => stopRoles(roles) });
    await Promise.all(ROLES.map((name) => startRole(name)));

    return {
      environment,
      environmentFile,
      postgres,
      monolith,
      gatewayUrl: `http://127.0.0.1:${environment.ports.gateway}`,
      role: (name) => roles.get(name)!,
      startRole,
      [Symbol.asyncDispose]: stopAll,
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** The gateway first, so that nobody is sent to a role that has gone. */
async function stopRoles(roles: ReadonlyMap<RoleName, RunningProcess>): Promise<void> {
  await roles.get('gateway')?.stop();
  await Promise.all([...roles.values()].map((role) => role.stop()));
}

async function createDatabase(postgres: EmbeddedPostgres): Promise<string> {
  const client = new pg.Client(postgres.url());
  await client.connect();
  await client.query('CREATE DATABASE medium').finally(() => client.end());
  return postgres.url('medium');
}

async function chooseEnvironment(options: MachineOptions, databaseUrl: string): Promise<Environment> {
  const { ports, monolithUrl } = DEFAULT_ENVIRONMENT;
  const wanted = { ...ports, monolith: Number(new URL(monolithUrl).port) };
  const chosen = new Map<string, number>();
  for (const [name, preferred] of Object.entries(wanted)) {
    chosen.set(name, await choosePort(options.isDefaultPorts ? preferred : 0, [...chosen.values()]));
  }
  const { monolith, ...ours } = Object.fromEntries(chosen);
  return {
    dataDir: join(options.dataDir, 'banyan'),
    databaseUrl,
    monolithUrl: `http://127.0.0.1:${monolith}`,
    keyFile: join(options.dataDir, 'signing-key.json'),
    ports: ours as Environment['ports'],
  };
}

/** A free port whose control port is free as well; below the ports that systems give to outgoing connections. */
async function choosePort(preferred: number, taken: readonly number[]): Promise<number> {
  const candidates = [preferred, ...Array.from({ length: 100 }, () => 15_000 + randomInt(15_000))];
  for (const port of candidates) {
    const isTaken = taken.some((other) => Math.abs(other - port) % 1_000 === 0);
    if (port > 0 && !isTaken && (await isFree(port)) && (await isFree(port + 1_000))) return port;
  }
  throw new Error('No free TCP port was found on 127.0.0.1');
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((done) => {
    probe.once('error', () => done(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
  });
}

/** As the config derives it: a role's control port is its own port plus 1000. */
function controlPort(environment: Environment, name: RoleName): number {
  if (name === 'capture') return environment.ports.captureControl;
  if (name === 'gateway') return environment.ports.gateway + 1000;
  return environment.ports[name.slice('service '.length) as DomainName] + 1000;
}
