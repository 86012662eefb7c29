// PostgreSQL as a change source: its logical slot, decoded into whole transactions. Checks before it streams that the
// slot still has what follows; never creates one.
import { BanyanError } from '../../kernel/error.ts';
import { formatLsn, type Lsn, maxLsn, parseLsn } from '../../kernel/lsn.ts';
import { connectPostgres } from '../../postgres/connect.ts';
import { addressOf, postgresFault } from '../../postgres/fault.ts';
import type { SourceTransaction } from '../change.ts';
import type { ChangeSource, SourceBatch, SourceHistory } from '../change-source.ts';
import { decodeMessage } from './pgoutput/decode-message.ts';
import { ReplicationConnection, type ReplicationTarget } from './replication-connection.ts';
import { inspectSlot, slotGap, slotMissing } from './slot.ts';
import { TransactionAssembler } from './transaction-assembler.ts';

export interface PostgresChangeSourceOptions extends ReplicationTarget {
  readonly name: string;
  /** Most bytes of messages that wait for the reader; then the socket is held. Default 16 MiB. */
  readonly bufferBytes?: number;
}

export function postgresChangeSource(options: PostgresChangeSourceOptions): ChangeSource {
  return new PostgresChangeSource(options);
}

class PostgresChangeSource implements ChangeSource {
  readonly name: string;
  readonly #options: PostgresChangeSourceOptions;
  #connection: ReplicationConnection | undefined;

  constructor(options: PostgresChangeSourceOptions) {
    this.name = options.name;
    this.#options = options;
  }

  async history(): Promise<SourceHistory> {
    const client = await connectPostgres(this.#options.url, {
      applicationName: 'banyan capture',
      isReplication: true,
    });
    try {
      const [row] = (await client.query('IDENTIFY_SYSTEM')).rows as { systemid: string; timeline: number }[];
      return { systemId: row!.systemid, timeline: Number(row!.timeline) };
    } catch (error) {
      throw postgresFault(error, addressOf(this.#options.url));
    } finally {
      await client.end();
    }
  }

  async *stream({
    after,
    signal,
  }: {
    readonly after: Lsn;
    readonly signal: AbortSignal;
  }): AsyncIterable<SourceBatch> {
    await this.#assertSlot(after);
    const inbox = new Inbox(after, this.#options.bufferBytes ?? 16 * 1_048_576);
    const connection = await this.#start(after, inbox);
    inbox.attach(connection);
    this.#connection = connection;
    const wake = (): void => inbox.wake();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        const batch = inbox.take();
        if (batch) yield batch;
        else await inbox.filled();
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.#connection = undefined;
      await connection[Symbol.asyncDispose]();
    }
  }

  confirm(lsn: Lsn): void {
    this.#connection?.confirm(lsn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection?.[Symbol.asyncDispose]();
  }

  async #start(after: Lsn, inbox: Inbox): Promise<ReplicationConnection> {
    try {
      return await ReplicationConnection.start(this.#options, after, formatLsn(after), inbox);
    } catch (error) {
      throw postgresFault(error, `slot ${this.#options.slot} at ${addressOf(this.#options.url)}`);
    }
  }

  /** The server silently skips forward when asked for what it no longer has, so we ask first. */
  async #assertSlot(after: Lsn): Promise<void> {
    const { url, slot } = this.#options;
    const client = await connectPostgres(url, { applicationName: 'banyan capture' });
    try {
      const found = await inspectSlot(client, slot);
      const at = `slot ${slot} at ${addressOf(url)}`;
      if (!found || found.isLost) throw slotMissing(found, at);
      if (found.isActive)
        throw new BanyanError('SLOT_IN_USE', 'The replication slot is in use', {
          at,
          why: `by the server process ${found.activePid}`,
        });
      if (found.confirmedLsn > after) throw slotGap(after, found.confirmedLsn, at);
    } finally {
      await client.end();
    }
  }
}

/** Transactions and a frontier that wait for the reader, bounded by bytes. */
class Inbox {
  readonly #assembler = new TransactionAssembler();
  readonly #bytesMax: number;
  #connection: ReplicationConnection | undefined;
  #transactions: SourceTransaction[] = [];
  #bytes = 0;
  #isHolding = false;
  #frontier: Lsn;
  #given: Lsn;
  #error: BanyanError | undefined;
  #wake: (() => void) | undefined;

  constructor(after: Lsn, bytesMax: number) {
    this.#frontier = after;
    this.#given = after;
    this.#bytesMax = bytesMax;
  }

  attach(connection: ReplicationConnection): void {
    this.#connection = connection;
    if (this.#isHolding) connection.hold();
  }

  onMessage(bytes: Buffer, start: number): void {
    this.#bytes += bytes.length - start;
    const transaction = this.#assembler.take(decodeMessage(bytes, start));
    if (transaction) {
      const end = parseLsn(transaction.endLsn);
      // After a restart from within what was taken in already, the server may send a transaction again; and one that
      // changed nothing of ours only moves the frontier.
      if (end > this.#frontier && transaction.changes.length > 0) this.#transactions.push(transaction);
      else this.#assembler.passOver(transaction);
      this.#frontier = maxLsn(this.#frontier, end);
      this.wake();
    }
    // Only between transactions: one that is larger than the bound is assembled whole.
    if (this.#bytes > this.#bytesMax && this.#transactions.length > 0 && !this.#isHolding) {
      this.#isHolding = true;
      this.#connection?.hold();
    }
  }

  onServerPosition(lsn: Lsn): void {
    if (this.#assembler.isInTransaction || lsn <= this.#frontier) return;
    this.#frontier = lsn;
    this.wake();
  }

  onLost(error: BanyanError): void {
    this.#error = error;
    this.wake();
  }

  /** What has come since the last call; undefined when nothing has. Throws once the stream is lost and all was given. */
  take(): SourceBatch | undefined {
    if (this.#transactions.length === 0 && this.#frontier === this.#given) {
      if (this.#error) throw this.#error;
      return undefined;
    }
    const batch = { transactions: this.#transactions, frontier: this.#frontier };
    this.#transactions = [];
    this.#bytes = 0;
    this.#given = maxLsn(this.#given, this.#frontier);
    if (this.#isHolding) {
      this.#isHolding = false;
      this.#connection?.release();
    }
    return batch;
  }

  filled(): Promise<void> {
    return new Promise((done) => {
      this.#wake = done;
    });
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
