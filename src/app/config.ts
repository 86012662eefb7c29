// The one config file: what it may say, checked once, with every default filled in. Everything behind it can trust it.
import { isAbsolute, resolve } from 'node:path';
import type { Domain } from '../domain/domain.ts';
import { BanyanError } from '../kernel/error.ts';
import { DEFAULT_GATE_LIMITS, type GateLimits } from '../migration/gate-limits.ts';

export interface Address {
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly port: number;
  /** Where the role's control endpoint listens, always on loopback. Default: `port` + 1000. */
  readonly controlPort?: number;
}

export interface ConfigInput {
  /** Names the slot and the publication, and heads every screen. */
  readonly name: string;
  readonly source: {
    /** The monolith's database, as a role that may replicate and read. From the environment, never in the file. */
    readonly url: string | undefined;
    readonly slot?: string;
    readonly publication?: string;
  };
  /** Where the read stores live, and the logs unless `log` says otherwise. Default `.banyan`, beside the config file. */
  readonly dataDir?: string;
  /** A PostgreSQL (15 or later) that keeps the logs instead of files in `dataDir`; better not the monolith's own. */
  readonly log?: { readonly url: string | undefined };
  /** Any address that answers for the monolith, and the gateway in front of it. */
  readonly gateway: Address & {
    readonly monolith: string;
    /** Share of the monolith's answers that are compared with the service's, 0 to 1. Default 0.2. */
    readonly shadowSampleRate?: number;
    /** How long a query may wait for the service's store to reach its session's writes. Default 250. */
    readonly freshnessWaitMs?: number;
  };
  readonly capture?: { readonly controlPort?: number };
  readonly domains: readonly Domain[];
  /** One service per domain, by the domain's name. */
  readonly services: Readonly<Record<string, Address>>;
  readonly gates?: Partial<GateLimits>;
}

export interface ResolvedAddress {
  readonly host: string;
  readonly port: number;
  readonly controlPort: number;
}

export interface Config {
  readonly name: string;
  readonly sourceName: string;
  readonly source: { readonly url: string; readonly slot: string; readonly publication: string };
  readonly dataDir: string;
  /** Undefined: files in the data folder. */
  readonly log: { readonly url: string } | undefined;
  readonly gateway: ResolvedAddress & {
    readonly monolith: string;
    readonly shadowSampleRate: number;
    readonly freshnessWaitMs: number;
  };
  readonly capture: { readonly controlPort: number };
  readonly domains: readonly Domain[];
  readonly services: Readonly<Record<string, ResolvedAddress>>;
  readonly gates: GateLimits;
}

/** Types and completes a config. Checked when it is loaded, so that the error can name the file. */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}

/** Checks the config and fills in the defaults. Throws CONFIG_INVALID naming the setting, what it is and what it should be. */
export function resolveConfig(input: unknown, file: string, folder: string): Config {
  const invalid = (setting: string, expected: string, found: unknown): BanyanError =>
    new BanyanError('CONFIG_INVALID', `Setting \`${setting}\` is ${describe(found)}; expected ${expected}`, {
      at: file,
      remedy: `Set \`${setting}\` in ${file} to ${expected}.`,
    });
  const text = (setting: string, value: unknown, pattern: RegExp, expected: string): string => {
    if (typeof value !== 'string' || !pattern.test(value)) throw invalid(setting, expected, value);
    return value;
  };
  const number = (setting: string, value: unknown, least: number, most: number): number => {
    if (typeof value !== 'number' || !(value >= least && value <= most)) {
      throw invalid(setting, `a number from ${least} to ${most}`, value);
    }
    return value;
  };
  const port = (setting: string, value: unknown): number => {
    if (!Number.isInteger(value)) throw invalid(setting, 'a TCP port, a whole number from 1 to 65535', value);
    return number(setting, value, 1, 65_535);
  };
  const record = (setting: string, value: unknown): Record<string, unknown> => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw invalid(setting, 'an object', value);
    return value as Record<string, unknown>;
  };
  const address = (setting: string, value: unknown): ResolvedAddress => {
    const given = record(setting, value);
    const own = port(`${setting}.port`, given.port);
    return {
      host: text(`${setting}.host`, given.host ?? '127.0.0.1', /^[\w.:-]+$/, 'a host name or address'),
      port: own,
      controlPort: port(`${setting}.controlPort`, given.controlPort ?? own + 1000),
    };
  };

  const config = record('default export', input) as unknown;
  const given = config as Partial<ConfigInput>;
  const name = text(
    'name',
    given.name,
    /^[a-z][a-z0-9_]{0,40}$/,
    'lower-case letters, digits and _, such as `shop`',
  );
  const source = record('source', given.source) as Partial<ConfigInput['source']>;
  const postgresUrl = (setting: string, value: unknown): string =>
    text(setting, value, /^postgres(ql)?:\/\/./, 'a URL such as postgresql://user@host/database');
  const url = postgresUrl('source.url', source.url);
  const identifier = /^[a-z_][a-z0-9_]{0,62}$/;
  const domains = resolveDomains(given.domains, invalid);
  const services = record('services', given.services);
  for (const domain of Object.keys(services)) {
    if (!domains.some((known) => known.name === domain))
      throw invalid(`services.${domain}`, 'the name of a domain', domain);
  }
  const gateway = record('gateway', given.gateway) as Partial<ConfigInput['gateway']>;
  const gatewayAddress = address('gateway', gateway);
  const resolved: Config = {
    name,
    sourceName: domains[0]!.capture.source.name,
    source: {
      url,
      slot: text(
        'source.slot',
        source.slot ?? `banyan_${name}`,
        identifier,
        'a slot name: lower-case letters, digits and _',
      ),
      publication: text(
        'source.publication',
        source.publication ?? `banyan_${name}`,
        identifier,
        'a plain SQL identifier',
      ),
    },
    log: given.log === undefined ? undefined : { url: postgresUrl('log.url', record('log', given.log).url) },
    dataDir: absolute(text('dataDir', given.dataDir ?? '.banyan', /./, 'a folder'), folder),
    gateway: {
      ...gatewayAddress,
      monolith: text(
        'gateway.monolith',
        gateway.monolith,
        /^http:\/\/./,
        'a URL such as http://127.0.0.1:3000',
      ),
      shadowSampleRate: number('gateway.shadowSampleRate', gateway.shadowSampleRate ?? 0.2, 0, 1),
      freshnessWaitMs: number('gateway.freshnessWaitMs', gateway.freshnessWaitMs ?? 250, 0, 10_000),
    },
    capture: {
      controlPort: port('capture.controlPort', given.capture?.controlPort ?? gatewayAddress.controlPort + 1),
    },
    domains,
    services: Object.fromEntries(
      domains.map((domain) => [domain.name, address(`services.${domain.name}`, services[domain.name])]),
    ),
    gates: { ...DEFAULT_GATE_LIMITS, ...given.gates },
  };
  assertDistinctPorts(resolved, invalid);
  return resolved;
}

type Invalid = (setting: string, expected: string, found: unknown) => BanyanError;

function resolveDomains(value: unknown, invalid: Invalid): readonly Domain[] {
  if (!Array.isArray(value) || value.length === 0)
    throw invalid('domains', 'a list of at least one domain', value);
  const domains = value as readonly Domain[];
  const owners = {
    domain: new Map<string, string>(),
    event: new Map<string, string>(),
    table: new Map<string, string>(),
  };
  for (const [index, domain] of domains.entries()) {
    if (typeof domain?.name !== 'string' || !domain.capture || !domain.projection) {
      throw invalid(`domains[${index}]`, 'what `defineDomain` returns', domain);
    }
    if (domain.capture.source.name !== domains[0]!.capture.source.name) {
      throw invalid(
        `domains[${index}].capture`,
        `a mapping from the source \`${domains[0]!.capture.source.name}\``,
        domain.capture.source.name,
      );
    }
    const claims: readonly (readonly [keyof typeof owners, readonly string[]])[] = [
      ['domain', [domain.name]],
      ['event', Object.keys(domain.events)],
      ['table', Object.keys(domain.capture.tables)],
    ];
    for (const [kind, names] of claims) {
      for (const claimed of names) {
        const owner = owners[kind].get(claimed);
        if (owner !== undefined)
          throw invalid(`domains[${index}]`, `${kind} names of its own`, `${claimed}, which ${owner} has`);
        owners[kind].set(claimed, domain.name);
      }
    }
  }
  return domains;
}

function assertDistinctPorts(config: Config, invalid: Invalid): void {
  const taken = new Map<number, string>();
  const claim = (setting: string, port: number): void => {
    const other = taken.get(port);
    if (other !== undefined) throw invalid(setting, `a port of its own (${other} has ${port})`, port);
    taken.set(port, setting);
  };
  claim('gateway.port', config.gateway.port);
  claim('gateway.controlPort', config.gateway.controlPort);
  claim('capture.controlPort', config.capture.controlPort);
  for (const [domain, address] of Object.entries(config.services)) {
    claim(`services.${domain}.port`, address.port);
    claim(`services.${domain}.controlPort`, address.controlPort);
  }
}

function absolute(path: string, folder: string): string {
  return isAbsolute(path) ? path : resolve(folder, path);
}

/** Enough to recognise the value, never a credential. */
function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return value.includes('@') ? 'not of that form' : `"${value.slice(0, 60)}"`;
  return Array.isArray(value) ? (value.length === 0 ? 'an empty list' : 'a list') : `of type ${typeof value}`;
}
