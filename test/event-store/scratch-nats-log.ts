// NATS servers for one test file, and on them a log of its own for each test. Real processes on loopback; without the server
// the lane says so and is skipped, and fails where CI runs.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { EventStore } from '../../src/event-store/event-store.ts';
import {
  type NatsEventStoreOptions,
  openNatsEventStore,
} from '../../src/event-store/nats/nats-event-store.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import type { LogUnderTest } from '../../src/testing/contract/event-store.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const START_TIMEOUT_MS = 20_000;
const HOW_TO_GET_IT = 'install nats-server 2.12 or later on the PATH; on Debian .ci/install-nats-server does';

/** The version of a server program on the PATH, undefined when there is none. */
export function natsVersion(program = 'nats-server'): string | undefined {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return /v(?<version>\d+\.\d+\.\d+)/.exec(stdout ?? '')?.groups?.version;
}

/** Runs `lane` where there is a server. Elsewhere it is one test: skipped, and failed where CI runs. */
export async function natsLane(name: string, lane: () => Promise<void>, program?: string): Promise<void> {
  if (natsVersion(program)) return lane();
  const isCi = process.env.CI === 'true';
  test(`${name}: ${HOW_TO_GET_IT}`, { skip: isCi ? false : `no ${program ?? 'nats-server'}` }, () => {
    assert.fail(`${program ?? 'nats-server'} is not on the PATH`);
  });
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
    const { folder, name, program = 'nats-server', jetstream = 'sync_interval: always', more = '' } = options;
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

export interface ScratchNats {
  readonly folder: string;
  readonly servers: readonly NatsServer[];
  /** An empty name; the log is made when it is first opened, and deleted with its test. */
  newLog(): ScratchNatsLog;
}

export interface ScratchNatsLog extends LogUnderTest {
  readonly name: string;
  open(options?: Partial<NatsEventStoreOptions>): Promise<EventStore>;
}

/** One server, or a cluster; it ends when the tests of the file have ended. */
export async function scratchNats(
  size: 1 | 3 = 1,
  options: Partial<Omit<NatsServerOptions, 'folder' | 'name'>> = {},
): Promise<ScratchNats> {
  const folder = scratchFolder('event-store-nats');
  mkdirSync(folder, { recursive: true });
  const servers =
    size === 1 ? [await NatsServer.start({ folder, name: 'n1', ...options })] : await cluster(folder);
  after(async () => {
    await Promise.all(servers.map((server) => server.kill()));
    rmSync(folder, { recursive: true, force: true });
  });
  let logs = 0;
  return {
    folder,
    servers,
    newLog() {
      logs += 1;
      const name = `log-${logs}`;
      const addresses = servers.map(({ address }) => address);
      return {
        name,
        open: (overrides) =>
          openNatsEventStore({
            servers: addresses,
            monitors: servers.map(({ monitor }) => monitor),
            name,
            replicas: size,
            ...overrides,
          }),
        async [Symbol.asyncDispose]() {
          const nats = await connect({ servers: addresses });
          const { streams } = await jetstreamManager(nats, { checkAPI: false });
          await streams.delete(name).catch(() => undefined);
          await nats.close();
        },
      };
    },
  };
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
