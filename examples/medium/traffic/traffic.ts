// Load that keeps an eye on the promises: visitors read, write and clap through `baseUrl`, and each checks
// that it sees its own writes. The seed decides who they are and what they choose.
import { Agent } from 'undici';
import { createRandom, type Random } from '../monolith/seed/random.ts';
import { type Account, enter, ownAccount, seededAccount } from './account.ts';
import { type OwnClaps, visitAsClapper } from './clapper.ts';
import { createPace } from './pace.ts';
import { visitAsReader } from './reader.ts';
import { type Network, Session } from './session.ts';
import { TrafficRecord, type TrafficStats } from './traffic-record.ts';
import { type Desk, visitAsWriter } from './writer.ts';

export interface TrafficOptions {
  readonly baseUrl: string;
  /** Visitors of each kind; each has one request in flight at most. */
  readonly readers: number;
  readonly writers: number;
  readonly clappers: number;
  readonly seed: number;
  /** Of all sessions together. */
  readonly requestsPerSecond: number;
  /** Members that the seeded database has; default 2,000. */
  readonly members?: number;
  /** Aborting it stops the load as `stop()` does. */
  readonly signal?: AbortSignal;
}

export interface Traffic extends AsyncDisposable {
  /** So far. */
  stats(): TrafficStats;
  /** Lets the requests in flight finish, closes the sockets, and gives the final figures. */
  stop(): Promise<TrafficStats>;
}

/** Longer than a cut-over holds a command back. */
const TIMEOUT_MS = 60_000;

export function startTraffic(options: TrafficOptions): Traffic {
  const stopping = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stopping.signal]) : stopping.signal;
  const record = new TrafficRecord();
  const dispatcher = new Agent({
    connections: options.readers + options.writers + options.clappers,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  });
  const pace = createPace(options.requestsPerSecond, signal);
  const network: Network = { baseUrl: options.baseUrl.replace(/\/$/, ''), dispatcher, pace, record };
  const finished = Promise.all(visitors(options, network).map((visit) => repeat(visit, signal))).then(() =>
    dispatcher.close(),
  );
  // A mistake in a visitor is a bug of this load; it surfaces in `stop`, not as an unhandled rejection.
  finished.catch(() => stopping.abort());
  const stop = async (): Promise<TrafficStats> => {
    stopping.abort();
    await finished;
    return record.snapshot();
  };
  return {
    stats: () => record.snapshot(),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}

type Visit = () => Promise<void>;

function visitors(options: TrafficOptions, network: Network): Visit[] {
  const { readers, writers, clappers, seed } = options;
  const deleted = new Set<string>();
  const accounts = chooseAccounts(options);
  const randomFor = (number: number) => createRandom(seed * 1_000 + number);
  return [
    ...times(readers, (at) => reader(network, randomFor(at))),
    ...times(writers, (at) => writer(network, randomFor(readers + at), accounts[at]!, deleted)),
    ...times(clappers, (at) =>
      clapper(network, randomFor(readers + writers + at), accounts[writers + at]!, deleted),
    ),
  ];
}

/** Readers come and go: every visit is a session of its own. */
function reader(network: Network, random: Random): Visit {
  return () => visitAsReader(new Session(network), random);
}

function writer(network: Network, random: Random, account: Account, deleted: Set<string>): Visit {
  const session = new Session(network);
  const desk: Desk = { account, drafts: [], published: [], changes: 0 };
  return async () => {
    if (await enter(session, account)) await visitAsWriter(session, random, desk, deleted);
  };
}

function clapper(network: Network, random: Random, account: Account, deleted: ReadonlySet<string>): Visit {
  const session = new Session(network);
  const own: OwnClaps = new Map();
  return async () => {
    if (await enter(session, account)) await visitAsClapper(session, random, own, deleted);
  };
}

/** One member per session, so that nobody overwrites what another is about to read back; one in four is new. */
function chooseAccounts({ seed, writers, clappers, members = 2_000 }: TrafficOptions): Account[] {
  const random = createRandom(seed);
  const taken = new Set<number>();
  return times(writers + clappers, (at) => {
    const memberId = 1 + random.integer(members);
    if (at % 4 === 3 || taken.has(memberId)) return ownAccount(seed, at);
    taken.add(memberId);
    return seededAccount(memberId);
  });
}

/** Until the signal ends it: the pace, which every request waits for, then rejects. */
async function repeat(visit: Visit, signal: AbortSignal): Promise<void> {
  try {
    while (!signal.aborted) await visit();
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function times<T>(count: number, make: (at: number) => T): T[] {
  return Array.from({ length: count }, (_, at) => make(at));
}
