// The JetStream stream that is the log: made once by whoever comes first, proven to be such a log, and refused as LOG_UNSAFE
// where it, or a server that holds it, would not keep what it acknowledges.
import { randomUUID } from 'node:crypto';
import { JetStreamApiError, type StreamInfo } from '@nats-io/jetstream';
import { BanyanError } from '../../kernel/error.ts';
import type { Log } from '../../runtime/log.ts';
import type { LogIdentity } from '../event-store.ts';
import type { LogConnection } from './log-connection.ts';
import type { LogNames } from './log-names.ts';
import { Interrupted } from './nats-fault.ts';
import { publish, publishId } from './publish.ts';
import {
  SERVER_VERSION_MIN,
  streamSettings,
  type UnsafeSetting,
  unsafeReport,
  unsafeServer,
  unsafeStream,
} from './safe-settings.ts';
import {
  askServers,
  DEFAULT_BATCH_MESSAGES,
  holdersOf,
  type ServerReport,
  type ServerReports,
} from './server-report.ts';

const NAME_TAKEN = 10058;
const STREAM_NOT_FOUND = 10059;
const FORMAT = '1';
/** Nothing has so many messages. */
const IMPOSSIBLE_SEQUENCE = Number.MAX_SAFE_INTEGER;

const SENSIBLE_LIMITS = { batchMessages: 10_000, payloadBytes: 8 * 1024 * 1024 };

export interface StreamOptions {
  readonly replicas: number;
  readonly monitors: readonly string[];
  readonly trustServers: boolean;
  readonly log?: Log;
}

export interface OpenStream {
  readonly identity: LogIdentity;
  /** The most messages of one append. */
  readonly batchMessages: number;
}

/** Nothing is made on servers that are refused. */
export async function openStream(
  connection: LogConnection,
  names: LogNames,
  options: StreamOptions,
): Promise<OpenStream> {
  const { at } = connection;
  const { server_name: server = '', version = '0' } = connection.nats.info ?? {};
  refuse(unsafeServer(server, version), at);
  const heard = await askServers(options.monitors);
  refuse(heard.reports.flatMap(unsafeReport), at);
  if (heard.reports.length === 0) proveHeard([server], heard, at, options);
  const info = await findOrMake(connection, names, options.replicas);
  const identity = identityOf(info, at);
  refuse(unsafeStream(info.config, options.replicas), at);
  proveHeard(holdersOf(info, server), heard, at, options);
  await proveComparison(connection, names);
  const batchMessages = batchMessagesOf(heard.reports);
  warnOfLimits({ batchMessages, payloadBytes: connection.nats.info?.max_payload ?? 0 }, options.log);
  return { identity, batchMessages };
}

/** A transaction of the monolith is one append, and may be large; it would be refused when it comes. */
function warnOfLimits(limits: typeof SENSIBLE_LIMITS, log: Log | undefined): void {
  const isEnough =
    limits.batchMessages >= SENSIBLE_LIMITS.batchMessages &&
    limits.payloadBytes >= SENSIBLE_LIMITS.payloadBytes;
  if (isEnough) return;
  log?.warn(
    { ...limits, sensible: SENSIBLE_LIMITS },
    'the servers will refuse large appends: raise jetstream.limits.batch.max_msgs and max_payload',
  );
}

async function findOrMake(connection: LogConnection, names: LogNames, replicas: number): Promise<StreamInfo> {
  const found = await find(connection, names);
  if (found) return found;
  const settings = streamSettings(names.name, names.stored, replicas);
  const metadata = { 'banyan.format': FORMAT, 'banyan.log': randomUUID(), 'banyan.recovery-epoch': '0' };
  try {
    await connection.patiently(() => connection.streams.add({ ...settings, metadata }));
  } catch (error) {
    if (apiCode(error) !== NAME_TAKEN) throw error;
    // Another process was first, or an answer was lost and the second try met the first one's stream.
  }
  // It is there now, though a server that was not asked to make it may not know of it yet.
  return connection.patiently(async () => {
    try {
      return await connection.streams.info(names.name);
    } catch (error) {
      if (apiCode(error) === STREAM_NOT_FOUND) throw new Interrupted('the stream is still being made');
      throw error;
    }
  });
}

async function find(connection: LogConnection, names: LogNames): Promise<StreamInfo | undefined> {
  try {
    return await connection.patiently(() => connection.streams.info(names.name));
  } catch (error) {
    if (apiCode(error) === STREAM_NOT_FOUND) return undefined;
    throw error;
  }
}

function identityOf({ config }: StreamInfo, at: string): LogIdentity {
  const id = config.metadata?.['banyan.log'];
  const epoch = Number(config.metadata?.['banyan.recovery-epoch']);
  const format = config.metadata?.['banyan.format'];
  if (!id || !Number.isSafeInteger(epoch)) {
    throw new BanyanError('LOG_CORRUPT', 'The stream is not a Banyan log', {
      at,
      why: 'Its metadata does not say which log it is.',
      remedy: 'Name another log in the config; this stream was left as it is.',
    });
  }
  if (format !== FORMAT) {
    throw new BanyanError('LOG_CORRUPT', 'The log has a format that this version of Banyan does not know', {
      at,
      why: `Its format is ${format}, expected ${FORMAT}.`,
      remedy: 'Use the version of Banyan that wrote this log; the stream was left as it is.',
    });
  }
  return { id, recoveryEpoch: epoch };
}

/** An acknowledgement is a majority's: of the servers that hold the log, a majority must be known to sync. */
function proveHeard(
  holders: readonly string[],
  { reports, silent }: ServerReports,
  at: string,
  { trustServers, log }: StreamOptions,
): void {
  const unknown = holders.filter((holder) => !reports.some(({ server }) => server === holder));
  if (unknown.length === 0) return;
  if (trustServers || unknown.length < holders.length / 2) {
    log?.warn(
      { unknown, silent },
      'not every server that holds the log was seen to sync before it acknowledges',
    );
    return;
  }
  const answers = silent.length > 0 ? ` No answer from ${silent.join(', ')}.` : '';
  refuse(
    [
      {
        what: `nobody says whether ${unknown.join(', ')} ${unknown.length === 1 ? 'syncs' : 'sync'} before acknowledging`,
        why: `Only a server's monitoring address says so; by default servers do not.${answers}`,
        remedy:
          'name the monitoring address of each server in `monitors`, or set `trustServers` knowing what it means',
      },
    ],
    at,
  );
}

/** The smallest of all servers; of what was not heard, NATS's default. */
function batchMessagesOf(reports: readonly ServerReport[]): number {
  return reports.length > 0
    ? Math.min(...reports.map(({ batchMessages }) => batchMessages))
    : DEFAULT_BATCH_MESSAGES;
}

/**
 * A batch that must be refused whole. Throws LOG_UNSAFE where the servers store it, or a part of it, whatever their versions
 * say.
 */
export async function proveComparison(connection: LogConnection, names: LogNames): Promise<void> {
  const any = { subject: names.check, payload: '' };
  const messages = [any, { ...any, expected: { sequence: IMPOSSIBLE_SEQUENCE } }];
  const tried = publishId(messages);
  const answer = await connection.patiently(async () => {
    const result = await publish(connection, messages, tried);
    if (result.result === 'unknown' || result.result === 'not taken') throw result.error;
    return result;
  });
  const last = await connection.last(names.check);
  if (answer.result === 'moved' && last?.publishId !== tried.value) return;
  refuse(
    [
      {
        what: 'an append whose expectation is false was not refused whole',
        why: 'Two writers of one stream would both succeed, and appends could be stored in part.',
        remedy: `run nats-server ${SERVER_VERSION_MIN} or later on every server of the cluster`,
      },
    ],
    connection.at,
  );
}

function refuse(unsafe: readonly UnsafeSetting[], at: string): void {
  const [first, ...others] = unsafe;
  if (!first) return;
  throw new BanyanError('LOG_UNSAFE', `The log is not safe: ${unsafe.map(({ what }) => what).join('; ')}`, {
    at,
    why: first.why,
    remedy: sentence([first, ...others].map(({ remedy }) => remedy).join('; ')),
    details: { unsafe },
  });
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function apiCode(error: unknown): number | undefined {
  const cause = error instanceof BanyanError ? error.cause : error;
  return cause instanceof JetStreamApiError ? cause.code : undefined;
}
