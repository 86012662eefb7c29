// NATS servers for one test file, and on them a log of its own for each test. Real processes on loopback; without the server
// a lane says so and is skipped, and fails where CI runs.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, suite, test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import type { EventStore } from '../../src/event-store/event-store.ts';
import {
  type NatsEventStoreOptions,
  openNatsEventStore,
} from '../../src/event-store/nats/nats-event-store.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import type { LogUnderTest } from '../../src/testing/contract/event-store.ts';
import { NatsServer, natsServerMissing, startNatsCluster } from '../../src/testing/nats-server.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

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
  const reason = natsServerMissing(needed.program);
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
      size === 1
        ? [await NatsServer.start({ folder, name: 'n1', ...options })]
        : await startNatsCluster(folder);
    assert.ok(
      await waitUntil(() => this.#takesStreams(), { timeoutMs: 30_000, everyMs: 50 }),
      'servers ready',
    );
  }

  /** Servers that have only just met know of each other some time before they place a stream on all of them. */
  async #takesStreams(): Promise<boolean> {
    const nats = await connect({ servers: this.#servers.map(({ address }) => address) });
    try {
      const { streams } = await jetstreamManager(nats, { checkAPI: false });
      await streams.add({ name: 'ready', subjects: ['ready'], num_replicas: this.#servers.length });
      return await streams.delete('ready');
    } catch {
      return false;
    } finally {
      await nats.close();
    }
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
