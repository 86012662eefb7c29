// Wakes readers at the end of the log for what other processes append. Asking the leader is the guarantee; a message that
// every writer sends after its append only makes it sooner.
import type { Subscription } from '@nats-io/transport-node';
import type { ChangeWatch } from '../change-signal.ts';
import type { LogConnection } from './log-connection.ts';
import type { LogNames } from './log-names.ts';

const ASK_EVERY_MS = 500;

export interface WakeUpOptions {
  readonly connection: LogConnection;
  readonly names: LogNames;
  /** Of the stream's last message. */
  readonly lastSequence: () => Promise<number>;
  readonly changed: () => void;
}

export class WakeUp implements ChangeWatch {
  readonly #options: WakeUpOptions;
  readonly #subscription: Subscription;
  #last = -1;
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;

  constructor(options: WakeUpOptions) {
    this.#options = options;
    const { connection, names, changed } = options;
    this.#subscription = connection.nats.subscribe(names.changed, { callback: () => changed() });
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.#ask(), ASK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Something was appended by this process. */
  announce(): void {
    const { connection, names } = this.#options;
    if (!connection.nats.isClosed()) connection.nats.publish(names.changed);
  }

  close(): void {
    this.stop();
    this.#subscription.unsubscribe();
  }

  async #ask(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const last = await this.#options.lastSequence();
      if (last !== this.#last) this.#options.changed();
      this.#last = last;
    } catch {
      // Whoever reads then meets the fault himself.
      this.#options.changed();
    } finally {
      this.#isAsking = false;
    }
  }
}
