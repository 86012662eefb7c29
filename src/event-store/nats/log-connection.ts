// The connection to the servers, and the questions that only the leader of the log's stream answers: other replicas may
// trail it. While there is no leader, a question is asked again until patience ends.
import {
  type JetStreamManager,
  jetstreamManager,
  type MsgRequest,
  type StreamInfo,
} from '@nats-io/jetstream';
import {
  connect,
  credsAuthenticator,
  type NatsConnection,
  type NodeConnectionOptions,
  type TlsOptions,
} from '@nats-io/transport-node';
import { pause } from '../../runtime/wait.ts';
import type { StoredMessage } from './log-message.ts';
import { Interrupted, isPassing, logFault, NotSent } from './nats-fault.ts';
import { storedPublishId } from './publish.ts';

export type NatsCredentials =
  | { readonly user: string; readonly password: string }
  | { readonly token: string }
  /** The text of a credentials file. */
  | { readonly credentials: string };

export interface NatsConnectOptions {
  /** `host:port`, of any of the cluster's servers; they name the others. */
  readonly servers: readonly string[];
  readonly credentials?: NatsCredentials;
  readonly tls?: TlsOptions;
  /** How long to wait for a leader, or for a connection to come back, before LOG_UNREACHABLE (default 20,000). */
  readonly patienceMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 2_000;
const ASK_AGAIN_MS = 100;
const PING_INTERVAL_MS = 2_000;

export class LogConnection {
  readonly nats: NatsConnection;
  readonly streams: JetStreamManager['streams'];
  /** Where the log is, for a person. */
  readonly at: string;
  readonly patienceMs: number;
  readonly #stream: string;
  /** Told when the connection breaks: the answers still awaited on it will not come. */
  readonly #waiting = new Set<() => void>();
  #isConnected = true;

  private constructor(
    nats: NatsConnection,
    streams: JetStreamManager['streams'],
    stream: string,
    options: NatsConnectOptions,
  ) {
    this.nats = nats;
    this.streams = streams;
    this.#stream = stream;
    this.at = addressOf(options.servers, stream);
    this.patienceMs = options.patienceMs ?? 20_000;
    void this.#watch();
  }

  /** Rejects with LOG_UNREACHABLE when no server answers. */
  static async open(stream: string, options: NatsConnectOptions): Promise<LogConnection> {
    try {
      const nats = await connect(connectOptions(options));
      const { streams } = await jetstreamManager(nats, { checkAPI: false, timeout: ANSWER_TIMEOUT_MS });
      return new LogConnection(nats, streams, stream, options);
    } catch (error) {
      throw logFault(error, addressOf(options.servers, stream));
    }
  }

  /** What `work` gives, tried again while its failure may pass. */
  async patiently<T>(work: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.patienceMs;
    for (;;) {
      try {
        return await this.whileConnected(work);
      } catch (error) {
        if (this.nats.isClosed() || !isPassing(error) || performance.now() > deadline) {
          throw logFault(error, this.at);
        }
      }
      await pause(ASK_AGAIN_MS * (0.5 + Math.random()));
    }
  }

  /** What `work` gives; rejects at once when there is no connection, or it breaks meanwhile. */
  async whileConnected<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#isConnected && !this.nats.isClosed()) throw new NotSent('there is no connection');
    const { promise: broken, reject } = Promise.withResolvers<never>();
    const tell = (): void => reject(new Interrupted('the connection broke'));
    this.#waiting.add(tell);
    try {
      return await Promise.race([work(), broken]);
    } finally {
      this.#waiting.delete(tell);
    }
  }

  info(subjects: string): Promise<StreamInfo> {
    return this.patiently(() => this.streams.info(this.#stream, { subjects_filter: subjects }));
  }

  /** The leader's last message on a subject, which may hold wildcards. */
  last(subject: string): Promise<StoredMessage | undefined> {
    return this.#message({ last_by_subj: subject });
  }

  /** The leader's first message on a subject from a sequence on. */
  next(subject: string, from: number): Promise<StoredMessage | undefined> {
    const query = { seq: from, next_by_subj: subject };
    return this.#message(query);
  }

  async close(): Promise<void> {
    await this.nats.close();
  }

  async #watch(): Promise<void> {
    for await (const { type } of this.nats.status()) {
      if (type === 'reconnect') this.#isConnected = true;
      if (type !== 'disconnect') continue;
      this.#isConnected = false;
      for (const tell of [...this.#waiting]) tell();
    }
  }

  async #message(query: MsgRequest): Promise<StoredMessage | undefined> {
    const found = await this.patiently(() => this.streams.getMessage(this.#stream, query));
    if (!found) return undefined;
    const { seq, subject, data, header } = found;
    return { sequence: seq, subject, data, publishId: storedPublishId(header) };
  }
}

function connectOptions({ servers, credentials, tls }: NatsConnectOptions): NodeConnectionOptions {
  return {
    name: 'banyan log',
    servers: [...servers],
    ...(tls ? { tls } : {}),
    ...authentication(credentials),
    timeout: CONNECT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    reconnectTimeWait: ASK_AGAIN_MS,
    reconnectJitter: ASK_AGAIN_MS,
    // Two unanswered pings end a connection: a server that froze is left after four to six seconds.
    pingInterval: PING_INTERVAL_MS,
    noAsyncTraces: true,
  };
}

function authentication(credentials: NatsCredentials | undefined): NodeConnectionOptions {
  if (!credentials) return {};
  if ('user' in credentials) return { user: credentials.user, pass: credentials.password };
  if ('token' in credentials) return { token: credentials.token };
  return { authenticator: credsAuthenticator(new TextEncoder().encode(credentials.credentials)) };
}

/** Without what may stand before an address. */
function addressOf(servers: readonly string[], stream: string): string {
  return `${servers.map((server) => server.replace(/^.*@/, '')).join(', ')} (stream ${stream})`;
}
