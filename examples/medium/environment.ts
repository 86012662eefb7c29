// Where the pieces of the running example are: written by `npm start`, read by the config, so that the `banyan`
// command in another terminal finds what is running. Variables of the environment win over the file.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

export const PROJECT = resolve(import.meta.dirname, '../..');
export const DOMAIN_NAMES = ['profiles', 'posts', 'claps', 'publications'] as const;
export type DomainName = (typeof DOMAIN_NAMES)[number];

export interface Environment {
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly monolithUrl: string;
  readonly keyFile: string;
  readonly ports: Readonly<Record<'gateway' | 'captureControl' | DomainName, number>>;
}

const DATA = join(PROJECT, '.data/medium');

/** What `npm start` uses on a machine where these ports are free. */
export const DEFAULT_ENVIRONMENT: Environment = {
  dataDir: join(DATA, 'banyan'),
  databaseUrl: 'postgresql://postgres@127.0.0.1:5432/medium',
  monolithUrl: 'http://127.0.0.1:4100',
  keyFile: join(DATA, 'signing-key.json'),
  ports: {
    gateway: 4000,
    captureControl: 5001,
    profiles: 4201,
    posts: 4202,
    claps: 4203,
    publications: 4204,
  },
};

function environmentFile(): string {
  return process.env.MEDIUM_ENVIRONMENT ?? join(DATA, 'environment.json');
}

export function readEnvironment(): Environment {
  let written: Partial<Environment> = {};
  try {
    written = JSON.parse(readFileSync(environmentFile(), 'utf8')) as Partial<Environment>;
  } catch {
    // Nothing was started on this machine: the defaults, and whatever the environment says.
  }
  const environment = { ...DEFAULT_ENVIRONMENT, ...written };
  return {
    ...environment,
    databaseUrl: process.env.MEDIUM_DATABASE_URL ?? environment.databaseUrl,
    monolithUrl: process.env.MEDIUM_MONOLITH_URL ?? environment.monolithUrl,
    dataDir: process.env.MEDIUM_DATA_DIR ?? environment.dataDir,
  };
}

export function writeEnvironment(environment: Environment, file = environmentFile()): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(environment, undefined, 2)}\n`, { mode: 0o600 });
}
