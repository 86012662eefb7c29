// NATS servers for one test file, and on them a log of its own for each test. Real processes on loopback; without the server
// a lane says so and is skipped, and fails where CI runs.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { EventStore } from '../../src/event-store/event-store.ts';
import {
  type NatsEventStoreOptions,
  openNatsEventStore,
} from '../../src/event-store/nats/nats-event-store.ts';
import { isOlder, SERVER_VERSION_MIN } from '../../src/event-store/nats/safe-settings.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import type { LogUnderTest } from '../../src/testing/contract/event-store.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const SERVER = 'nats-server';
const START_TIMEOUT_MS = 20_000;
const HOW_TO_GET_IT = 'install nats-server 2.12 or later on the PATH; on Debian .ci/install-nats-server does';

function versionOf(program: string): string | undefined {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return /v(?<version>\d+\.\d+\.\d+)/.exec(stdout ?? '')?.groups?.version;
}

/** Why a lane on this server cannot run here. */
function missing(program: string): string | undefined {
  const version = versionOf(program);
  if (!version) return `there is no ${program}; ${HOW_TO_GET_IT}`;
  const isTooOld = program === SERVER && isOlder(version, SERVER_VERSION_MIN);
  return isTooOld ? `${program} is ${version}; ${HOW_TO_GET_IT}` : undefined;
}

/** Which servers a lane needs (default: one, of the version that is supported). */
export interface LaneServers {
  readonly size?: 1 | 3;
  readonly program?: string;
  readonly jetstream?: string;
}

/**
 * A suite on servers of its own, started before its tests and ended after them; `nats` tells of them inside tests. Without the
 * server it is skipped, and where CI runs it fails.
 */
export function natsLane(name: string, lane: (nats: ScratchNats) => void, needed: LaneServers = {}): void {
  const reason = missing(needed.program ?? SERVER);
  if (reason === undefined) {
    suite(name, () => {
      const nats = new ScratchNats(needed);
      before(() => nats.start());
      after(() => nats.end());
      lane(nats);
    });
  } else {
    test(name, { skip: process.env.CI === 'true' ? false : reason }, () => assert.fail(reason));
  }
}

export interface NatsServerOptions {
  readonly folder: string;
  readonly name: string;
  readonly program?: string;
  /** Of the JetStream block (default: syncs always). */
  readonly jetstream?: string;
  /** The rest of the configuration. */
  readonly more?: string;
  readonly port?: number;
  readonly monitorPort?: number;
}

export class NatsServer {
  readonly name: string;
  readonly address: string;
  readonly monitor: string;
  readonly #program: string;
  readonly #config: string;
  readonly #logFile: string;
  #process: ChildProcess | undefined;

  private constructor(options: NatsServerOptions, port: number, monitorPort: number) {
    const { folder, name, program = SERVER, jetstream = 'sync_interval: always', more = '' } = options;
    this.name = name;
    this.address = `127.0.0.1:${port}`;
    this.monitor = `http://127.0.0.1:${monitorPort}`;
    this.#program = program;
    this.#config = join(folder, `${name}.conf`);
    this.#logFile = join(folder, `${name}.log`);
    writeFileSync(
      this.#config,
      `server_name: ${name}
      listen: "${this.address}"
      http: "127.0.0.1:${monitorPort}"
      log_file: "${this.#logFile}"
      max_payload: 8MB
      jetstream { store_dir: "${join(folder, name)}", ${jetstream} }
      ${more}`,
    );
  }

  static async start(options: NatsServerOptions): Promise<NatsServer> {
    const [port, monitorPort] = await freePorts(2);
    const server = new NatsServer(options, options.port ?? port!, options.monitorPort ?? monitorPort!);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const child = spawn(this.#program, ['-c', this.#config], { stdio: 'ignore' });
    this.#process = child;
    const isUp = await waitUntil(
      async () =>
        child.exitCode !== null ||
        (await fetch(`${this.monitor}/healthz?js-server-only=true`).catch(() => undefined))?.ok,
      { timeoutMs: START_TIMEOUT_MS, everyMs: 10 },
    );
    assert.ok(isUp && child.exitCode === null, `${this.name} did not start: ${this.#tail()}`);
  }

  /** At once, as a power cut would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  #tail(): string {
    try {
      return readFileSync(this.#logFile, 'utf8').split('\n').slice(-8).join('\n');
    } catch {
      return 'it wrote no log';
    }
  }
}

export interface ScratchNatsLog extends LogUnderTest {
  readonly name: string;
  open(options?: Partial<NatsEventStoreOptions>): Promise<EventStore>;
}

export class ScratchNats {
  readonly folder = scratchFolder('event-store-nats');
  readonly #needed: LaneServers;
  #servers: readonly NatsServer[] = [];
  #logs = 0;

  constructor(needed: LaneServers = {}) {
    this.#needed = needed;
  }

  get servers(): readonly NatsServer[] {
    return this.#servers;
  }

  /** The only one, or any. */
  get server(): NatsServer {
    return this.#servers[0]!;
  }

  async start(): Promise<void> {
    const { size = 1, ...options } = this.#needed;
    const { folder } = this;
    this.#servers =
      size === 1 ? [await NatsServer.start({ folder, name: 'n1', ...options })] : await cluster(folder);
  }

  async end(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.kill()));
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** An empty name; the log is made when it is first opened, and deleted with its test. */
  newLog(): ScratchNatsLog {
    this.#logs += 1;
    const name = `log-${this.#logs}`;
    const addresses = this.#servers.map(({ address }) => address);
    const monitors = this.#servers.map(({ monitor }) => monitor);
    const replicas = this.#servers.length;
    return {
      name,
      open: (overrides) => openNatsEventStore({ servers: addresses, monitors, name, replicas, ...overrides }),
      async [Symbol.asyncDispose]() {
        const nats = await connect({ servers: addresses });
        const { streams } = await jetstreamManager(nats, { checkAPI: false });
        await streams.delete(name).catch(() => undefined);
        await nats.close();
      },
    };
  }
}

async function cluster(folder: string): Promise<NatsServer[]> {
  const routes = await freePorts(3);
  const urls = routes.map((port) => `"nats-route://127.0.0.1:${port}"`).join(', ');
  const servers = await Promise.all(
    routes.map((port, index) =>
      NatsServer.start({
        folder,
        name: `n${index + 1}`,
        more: `cluster { name: scratch, listen: "127.0.0.1:${port}", routes: [${urls}] }`,
      }),
    ),
  );
  const hasLeader = await waitUntil(() => servers[0] && metaLeader(servers[0]), {
    timeoutMs: START_TIMEOUT_MS,
  });
  assert.ok(hasLeader, 'the cluster elected no leader');
  return servers;
}

async function metaLeader({ monitor }: NatsServer): Promise<string | undefined> {
  const response = await fetch(`${monitor}/jsz`);
  const { meta_cluster: meta } = (await response.json()) as {
    meta_cluster?: { leader?: string; cluster_size?: number };
  };
  return meta?.cluster_size === 3 ? meta.leader : undefined;
}

/** Taken all at once, so that they differ. */
async function freePorts(count: number): Promise<number[]> {
  const takers = await Promise.all(
    Array.from({ length: count }, async () => {
      const taker = createServer();
      taker.listen(0, '127.0.0.1');
      await once(taker, 'listening');
      return taker;
    }),
  );
  const ports = takers.map((taker) => (taker.address() as { port: number }).port);
  for (const taker of takers) {
    taker.close();
    await once(taker, 'close');
  }
  return ports;
}
