// A replication connection in COPY BOTH mode (protocol-replication, "Logical Streaming Replication"): raw messages in,
// status updates out. Confirms only what it is told to, keeps the walsender fed from a timer of its own, and knows
// how far the server has sent, also while nothing captured changes.
import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { BanyanError } from '../../kernel/error.ts';
import { LSN_ZERO, type Lsn, maxLsn } from '../../kernel/lsn.ts';
import { connectPostgres, type PostgresClient, quoteName, quoteText } from '../../postgres/connect.ts';
import { addressOf } from '../../postgres/fault.ts';

/** The driver's wire connection, as far as streaming needs it; its types leave it out. */
interface WireConnection extends EventEmitter {
  readonly stream: Socket;
  sendCopyFromChunk(chunk: Buffer): void;
}
type WireClient = PostgresClient & { readonly connection: WireConnection };

const XLOG_DATA = 0x77; // w
const KEEPALIVE = 0x6b; // k
const STATUS_UPDATE = 0x72; // r
const XLOG_DATA_HEADER = 25;
const STATUS_EVERY_MS = 5_000;
const CONFIRM_EVERY_MS = 200;
/** Asking for a keepalive is how the frontier moves while nothing captured changes. */
const ASK_BUSY_MS = 8;
const ASK_IDLE_MS = 25;
const SILENCE_MAX_MS = 30_000;
/**
 * A small read amid a burst is followed by a nap, so that the walsender fills the socket instead of waking us a row at a time.
 * Any longer, and the socket's buffer fills with small segments: the window closes, and each stall waits for a timer of TCP.
 */
const NAP_MS = 2;
const SMALL_READ = 65_536;
const BURST_BYTES = 131_072;
/** Microseconds from 1970 to 2000, where PostgreSQL's clock starts. */
const POSTGRES_EPOCH_US = 946_684_800_000_000n;

export interface ReplicationHandlers {
  /** Bytes of one message; the payload begins at `start`. */
  onMessage(bytes: Buffer, start: number): void;
  /** The server has sent everything that was committed at or before this LSN. */
  onServerPosition(lsn: Lsn): void;
  /** The stream has ended; nothing follows. */
  onLost(error: BanyanError): void;
}

export interface ReplicationTarget {
  readonly url: string;
  readonly slot: string;
  readonly publication: string;
}

export class ReplicationConnection implements AsyncDisposable {
  readonly #client: WireClient;
  readonly #handlers: ReplicationHandlers;
  readonly #at: string;
  #received: Lsn;
  #confirmed: Lsn;
  #sentConfirmation: Lsn = LSN_ZERO;
  #isHeld = false;
  #isEnded = false;
  #isAsked = false;
  #heardAt = performance.now();
  #movedAt = 0;
  #statusAt = 0;
  #burst = { since: 0, bytes: 0 };
  #nap: NodeJS.Timeout | undefined;
  #clock: NodeJS.Timeout | undefined;

  /** Connects and starts streaming after `after`. The slot must exist and be free. */
  static async start(
    target: ReplicationTarget,
    after: Lsn,
    afterText: string,
    handlers: ReplicationHandlers,
  ): Promise<ReplicationConnection> {
    const client = (await connectPostgres(target.url, {
      applicationName: 'banyan capture',
      isReplication: true,
    })) as WireClient;
    const connection = new ReplicationConnection(client, after, handlers, addressOf(target.url));
    const command =
      `START_REPLICATION SLOT ${quoteName(target.slot)} LOGICAL ${afterText} ` +
      `(proto_version '1', publication_names ${quoteText(quoteName(target.publication))}, messages 'true')`;
    const started = new Promise<void>((resolve) =>
      client.connection.once('replicationStart', () => resolve()),
    );
    const streaming = client.query(command).then(
      () => connection.#lose(new Error('the server ended the stream')),
      (error: unknown) => {
        if (connection.#clock) connection.#lose(error);
        else throw error;
      },
    );
    try {
      await Promise.race([started, streaming]);
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
    connection.#run();
    return connection;
  }

  private constructor(client: WireClient, after: Lsn, handlers: ReplicationHandlers, at: string) {
    this.#client = client;
    this.#handlers = handlers;
    this.#at = at;
    this.#received = after;
    this.#confirmed = after;
    client.connection.on('copyData', ({ chunk }: { readonly chunk: Buffer }) => this.#take(chunk));
    client.on('error', (error) => this.#lose(error));
    client.on('end', () => this.#lose(new Error('the connection closed')));
  }

  /** Everything at or before `lsn` is durable with us. */
  confirm(lsn: Lsn): void {
    this.#confirmed = maxLsn(this.#confirmed, lsn);
  }

  /** Stops reading from the socket; the server is then held back by TCP. Status updates go on. */
  hold(): void {
    this.#isHeld = true;
    this.#client.connection.stream.pause();
  }

  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#heardAt = performance.now();
    if (!this.#nap) this.#client.connection.stream.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true;
    clearInterval(this.#clock);
    clearTimeout(this.#nap);
    this.#client.connection.stream.destroy();
    await this.#client.end().catch(() => undefined);
  }

  #run(): void {
    this.#client.connection.stream.on('data', (chunk: Buffer) => this.#paceReads(chunk.length));
    this.#clock = setInterval(() => this.#tick(), ASK_BUSY_MS);
  }

  #take(chunk: Buffer): void {
    if (this.#isEnded) return;
    this.#heardAt = performance.now();
    try {
      if (chunk[0] === XLOG_DATA && chunk.length >= XLOG_DATA_HEADER) {
        this.#received = maxLsn(this.#received, chunk.readBigUInt64BE(1) as Lsn);
        this.#movedAt = this.#heardAt;
        this.#handlers.onMessage(chunk, XLOG_DATA_HEADER);
      } else if (chunk[0] === KEEPALIVE && chunk.length === 18) {
        this.#takeKeepalive(chunk.readBigUInt64BE(1) as Lsn, chunk[17] === 1);
      } else {
        throw new BanyanError(
          'REPLICATION_PROTOCOL',
          'The server sent a replication frame that cannot be read',
          { at: this.#at },
        );
      }
    } catch (error) {
      this.#lose(error);
    }
  }

  #takeKeepalive(end: Lsn, isReplyWanted: boolean): void {
    this.#isAsked = false;
    if (end > this.#received) {
      this.#received = end;
      this.#movedAt = this.#heardAt;
    }
    this.#handlers.onServerPosition(end);
    if (isReplyWanted) this.#sendStatus(false);
  }

  #tick(): void {
    const now = performance.now();
    if (!this.#isHeld && now - this.#heardAt > SILENCE_MAX_MS) {
      this.#lose(new Error(`the server was silent for ${SILENCE_MAX_MS / 1_000} s`));
      return;
    }
    const askEveryMs = now - this.#movedAt < 1_000 ? ASK_BUSY_MS : ASK_IDLE_MS;
    const sinceStatus = now - this.#statusAt;
    if (!this.#isAsked && !this.#isHeld && sinceStatus >= askEveryMs - 1) this.#sendStatus(true);
    else if (
      sinceStatus >= STATUS_EVERY_MS ||
      (this.#confirmed > this.#sentConfirmation && sinceStatus >= CONFIRM_EVERY_MS)
    ) {
      this.#sendStatus(false);
    }
  }

  #sendStatus(isAsking: boolean): void {
    if (this.#isEnded) return;
    const update = Buffer.allocUnsafe(34);
    update[0] = STATUS_UPDATE;
    update.writeBigUInt64BE(this.#received, 1);
    update.writeBigUInt64BE(this.#confirmed, 9);
    update.writeBigUInt64BE(this.#confirmed, 17);
    update.writeBigUInt64BE(BigInt(Date.now()) * 1_000n - POSTGRES_EPOCH_US, 25);
    update[33] = isAsking ? 1 : 0;
    this.#client.connection.sendCopyFromChunk(update);
    this.#sentConfirmation = this.#confirmed;
    this.#statusAt = performance.now();
    this.#isAsked ||= isAsking;
  }

  #paceReads(bytes: number): void {
    const now = performance.now();
    if (now - this.#burst.since > 2 * NAP_MS) this.#burst = { since: now, bytes: 0 };
    this.#burst.bytes += bytes;
    if (bytes >= SMALL_READ || this.#burst.bytes < BURST_BYTES || this.#nap || this.#isHeld) return;
    this.#burst = { since: now, bytes: BURST_BYTES };
    this.#client.connection.stream.pause();
    this.#nap = setTimeout(() => {
      this.#nap = undefined;
      if (!this.#isHeld && !this.#isEnded) this.#client.connection.stream.resume();
    }, NAP_MS);
  }

  #lose(cause: unknown): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearInterval(this.#clock);
    clearTimeout(this.#nap);
    const error =
      cause instanceof BanyanError
        ? cause
        : new BanyanError('REPLICATION_LOST', 'The replication connection ended', {
            at: this.#at,
            why: cause instanceof Error ? cause.message : String(cause),
            cause,
          });
    this.#client.connection.stream.destroy();
    this.#handlers.onLost(error);
  }
}
