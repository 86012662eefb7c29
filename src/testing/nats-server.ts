// NATS servers for tests and benchmarks: real processes of the `nats-server` on the PATH, on loopback and free ports, each
// ended with this process at the latest.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { isOlder, SERVER_VERSION_MIN } from '../event-store/nats/safe-settings.ts';
import { waitUntil } from '../runtime/wait.ts';

const SERVER = 'nats-server';
const START_TIMEOUT_MS = 20_000;
const HOW_TO_GET_IT = 'install nats-server 2.12 or later on the PATH; on Debian .ci/install-servers does';

/** Why servers of this program cannot be started here; undefined when they can. */
export function natsServerMissing(program: string = SERVER): string | undefined {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  const version = /v(?<version>\d+\.\d+\.\d+)/.exec(stdout ?? '')?.groups?.version;
  if (!version) return `there is no ${program}; ${HOW_TO_GET_IT}`;
  const isTooOld = program === SERVER && isOlder(version, SERVER_VERSION_MIN);
  return isTooOld ? `${program} is ${version}; ${HOW_TO_GET_IT}` : undefined;
}

export interface NatsServerOptions {
  /** For its configuration, its data and its log; made when there is none. */
  readonly folder: string;
  readonly name: string;
  readonly program?: string;
  /** Of the JetStream block (default: syncs always). */
  readonly jetstream?: string;
  /** The rest of the configuration. */
  readonly more?: string;
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
    mkdirSync(folder, { recursive: true });
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
    const server = new NatsServer(options, port!, monitorPort!);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const child = spawn(this.#program, ['-c', this.#config], { stdio: 'ignore' });
    this.#process = child;
    let failure: Error | undefined;
    child.once('error', (error) => {
      failure = error;
    });
    const endWithUs = (): void => void child.kill('SIGKILL');
    process.once('exit', endWithUs);
    child.once('exit', () => process.removeListener('exit', endWithUs));
    const isUp = await waitUntil(
      async () =>
        failure !== undefined ||
        child.exitCode !== null ||
        (await fetch(`${this.monitor}/healthz?js-server-only=true`).catch(() => undefined))?.ok,
      { timeoutMs: START_TIMEOUT_MS, everyMs: 10 },
    );
    assert.ok(isUp && !failure && child.exitCode === null, `${this.name} did not start: ${this.#tail()}`);
  }

  /** At once, as a power cut would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Leaves its connections open and does nothing, as a machine under a debugger or a stalled disk. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
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

/** Three that form a cluster and have elected a leader. */
export async function startNatsCluster(folder: string): Promise<NatsServer[]> {
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
