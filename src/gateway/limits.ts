// Every bound of the gateway, in one place: what a client, an upstream or a comparison may at most take.

export interface GatewayLimits {
  /** Of a request's head, all headers together; more is answered 431. */
  readonly headerBytes: number;
  /** Header lines of one request. */
  readonly headers: number;
  /** Of a request's body; more is answered 413. */
  readonly bodyBytes: number;
  readonly connections: number;
  readonly connectionsPerAddress: number;
  /** Until a request's head has to be there. */
  readonly headerMs: number;
  /** Between two pieces of a request's body; longer is answered 408. */
  readonly bodyIdleMs: number;
  /** A client's connection without a request. Above what a balancer in front of it keeps. */
  readonly clientIdleMs: number;
  readonly connectMs: number;
  /** From the end of the request to the first byte of the answer; longer is answered 504. */
  readonly answerMs: number;
  /** The same for a service, beyond its freshness wait; then the monolith answers. */
  readonly serviceAnswerMs: number;
  /** Between two pieces of an answer, an event stream's and a tunnel's too. There is no limit on the whole. */
  readonly streamIdleMs: number;
  /** An unused upstream connection. Below the five seconds after which Node's servers close theirs. */
  readonly upstreamIdleMs: number;
  readonly upstreamConnections: number;
  /** How long `Expect: 100-continue` waits for the upstream's word before the body is asked for. */
  readonly expectMs: number;
  /** How long a connection that is to be closed still takes in what the client sends, so that it reads its answer. */
  readonly lingerMs: number;
  /** How long a query may wait in the service for the session's own writes. */
  readonly freshnessWaitMs: number;
  /** How long the source may take to say its position. */
  readonly positionMs: number;
  /** Sessions whose newest write is remembered. */
  readonly sessions: number;
  /** Failures in a row after which a service is left alone, and for how long. */
  readonly breakerFailures: number;
  readonly breakerOpenMs: number;
  /** Comparisons under way at once; what comes beyond is dropped. */
  readonly shadowConcurrency: number;
  /** The largest answer that is compared. */
  readonly shadowBytes: number;
  readonly shadowWaitMs: number;
  /** How long a shutdown waits for the requests in flight. */
  readonly drainMs: number;
}

export const DEFAULT_LIMITS: GatewayLimits = {
  headerBytes: 16_384,
  headers: 128,
  bodyBytes: 67_108_864,
  connections: 10_000,
  connectionsPerAddress: 5_000,
  headerMs: 15_000,
  bodyIdleMs: 30_000,
  clientIdleMs: 90_000,
  connectMs: 2_000,
  answerMs: 60_000,
  serviceAnswerMs: 2_000,
  streamIdleMs: 300_000,
  upstreamIdleMs: 4_000,
  upstreamConnections: 1_024,
  expectMs: 1_000,
  lingerMs: 300,
  freshnessWaitMs: 250,
  positionMs: 1_000,
  sessions: 100_000,
  breakerFailures: 5,
  breakerOpenMs: 1_000,
  shadowConcurrency: 8,
  shadowBytes: 262_144,
  shadowWaitMs: 1_000,
  drainMs: 10_000,
};
