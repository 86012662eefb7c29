// Wakes readers at the end of the log for what other processes append. Asking the database is the guarantee; a
// notification only makes it sooner, and costs the writer nothing: it is sent after the commit, in a transaction of its own
// that waits for no disk, one for all commits of ten milliseconds.
import { connectPostgres, type PostgresClient } from '../../postgres/connect.ts';
import type { ChangeWatch } from '../change-signal.ts';
import { LOG_SESSION, type LogConnection } from './log-connection.ts';
import type { LogNames } from './log-names.ts';
import type { LogReader } from './log-reader.ts';

const ANNOUNCE_MS = 10;
const BUSY_INTERVAL_MS = 2;
const SLOW_DOWN = 1.4;
/** Asking costs the server about half a millisecond; one that announces changes is asked rarely. */
const IDLE_INTERVAL_MS = { listening: 500, deaf: 50 };
const LISTEN_AGAIN_MS = 1000;

export interface WakeUpOptions {
  readonly url: string;
  readonly names: LogNames;
  readonly connection: LogConnection;
  readonly reader: LogReader;
  readonly changed: () => void;
}

export class WakeUp implements ChangeWatch {
  readonly #options: WakeUpOptions;
  #last = '';
  #intervalMs = BUSY_INTERVAL_MS;
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;
  #listener: PostgresClient | undefined;
  #opening: Promise<void> | undefined;
  #listenAfter = 0;
  #announcing: NodeJS.Timeout | undefined;
  #announced: Promise<unknown> | undefined;
  #announceAfter = 0;
  #isClosed = false;

  constructor(options: WakeUpOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#isClosed) return;
    if (!this.#listener && performance.now() >= this.#listenAfter) this.#opening ??= this.#listen();
    this.#timer ??= setTimeout(() => {
      this.#asking ??= this.#ask();
    }, this.#intervalMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Something was committed by this process: told at once after a quiet moment, else with what follows it. */
  announce(): void {
    this.#intervalMs = BUSY_INTERVAL_MS;
    const waitMs = Math.max(0, this.#announceAfter - performance.now());
    this.#announcing ??= setTimeout(() => {
      this.#announcing = undefined;
      this.#announceAfter = performance.now() + ANNOUNCE_MS;
      this.#announced = this.#notify();
    }, waitMs);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.stop();
    if (this.#announcing) {
      clearTimeout(this.#announcing);
      this.#announced = this.#notify();
    }
    await Promise.allSettled([this.#announced, this.#asking, this.#opening]);
    await this.#listener?.end().catch(() => undefined);
  }

  async #ask(): Promise<void> {
    let state = 'unknown';
    let isHeld = false;
    try {
      const { drawn, settled, progress } = await this.#options.reader.horizon();
      isHeld = settled < drawn;
      state = `${settled} ${progress.map(({ name, lsn, position }) => `${name} ${lsn} ${position}`).join(' ')}`;
    } catch {
      // Whoever reads then meets the fault himself.
    }
    const isChanged = state !== this.#last || state === 'unknown';
    const slowest = this.#listener ? IDLE_INTERVAL_MS.listening : IDLE_INTERVAL_MS.deaf;
    this.#intervalMs =
      isChanged || isHeld ? BUSY_INTERVAL_MS : Math.min(slowest, this.#intervalMs * SLOW_DOWN);
    this.#last = state;
    this.#asking = undefined;
    // Stopped meanwhile: nobody waits.
    if (!this.#timer) return;
    this.stop();
    this.start();
    // The last waiter to be woken stops the watch again.
    if (isChanged) this.#options.changed();
  }

  /** While there is no listener, asking goes on at its own pace, and each time looks whether to try again. */
  async #listen(): Promise<void> {
    const { url, names, changed } = this.#options;
    this.#listenAfter = performance.now() + LISTEN_AGAIN_MS;
    try {
      const client = await connectPostgres(url, { ...LOG_SESSION, applicationName: 'banyan log listener' });
      client.on('notification', () => {
        this.#intervalMs = BUSY_INTERVAL_MS;
        changed();
      });
      client.on('end', () => {
        if (this.#listener === client) this.#listener = undefined;
      });
      await client.query(`LISTEN ${names.channel}`);
      this.#listener = client;
    } catch {
      // Polling goes on.
    }
    this.#opening = undefined;
  }

  async #notify(): Promise<void> {
    const { connection, names } = this.#options;
    await connection
      .run({
        name: 'notify',
        text: "SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, '')",
        values: [names.channel],
      })
      .catch(() => undefined);
  }
}
