// The JetStream stream that is the log: made once by whoever comes first, proven to be such a log, and refused as LOG_UNSAFE
// where it, or a server that holds it, would not keep what it acknowledges.
import { randomUUID } from 'node:crypto';
import { JetStreamApiError, type StreamInfo } from '@nats-io/jetstream';
import { BanyanError } from '../../kernel/error.ts';
import type { Log } from '../../runtime/log.ts';
import type { LogIdentity } from '../event-store.ts';
import type { LogConnection } from './log-connection.ts';
import type { LogNames } from './log-names.ts';
import { publish } from './publish.ts';
import {
  streamSettings,
  type UnsafeSetting,
  unsafeReport,
  unsafeServer,
  unsafeStream,
} from './safe-settings.ts';
import { askServers, DEFAULT_BATCH_MESSAGES, holdersOf, type ServerReport } from './server-report.ts';

const NAME_TAKEN = 10058;
const STREAM_NOT_FOUND = 10059;
const FORMAT = '1';
/** Nothing has so many messages. */
const IMPOSSIBLE_SEQUENCE = Number.MAX_SAFE_INTEGER;

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

export async function openStream(
  connection: LogConnection,
  names: LogNames,
  options: StreamOptions,
): Promise<OpenStream> {
  const { info: server } = connection.nats;
  if (server) refuse(unsafeServer(server.server_name, server.version), connection.at);
  const info = await findOrMake(connection, names, options.replicas);
  const identity = identityOf(info, connection.at);
  refuse(unsafeStream(info.config, options.replicas), connection.at);
  const reports = await reportsOf(holdersOf(info, server?.server_name ?? ''), connection.at, options);
  await proveComparison(connection, names);
  return {
    identity,
    batchMessages: Math.min(...reports.map((report) => report.batchMessages), ...defaultBatch(reports)),
  };
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
  const made = await connection.patiently(() => connection.streams.info(names.name));
  return made;
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

/** A majority of the holders must be known to sync, and none known not to: an acknowledgement is a majority's. */
async function reportsOf(
  holders: readonly string[],
  at: string,
  { monitors, trustServers, log }: StreamOptions,
): Promise<readonly ServerReport[]> {
  const { reports, silent } = await askServers(monitors);
  const holding = reports.filter(({ server }) => holders.includes(server));
  refuse(holding.flatMap(unsafeReport), at);
  const unknown = holders.filter((holder) => !holding.some(({ server }) => server === holder));
  if (unknown.length === 0) return holding;
  const facts = { unknown, silent };
  if (trustServers || holding.length > holders.length / 2) {
    log?.warn(facts, 'servers that hold the log were not seen to sync before they acknowledge');
    return holding;
  }
  const heard = silent.length > 0 ? ` No answer from ${silent.join(', ')}.` : '';
  refuse(
    [
      {
        what: `nobody says whether ${unknown.join(', ')} ${unknown.length === 1 ? 'syncs' : 'sync'} before acknowledging`,
        why: `Only a server's monitoring address says so; by default servers do not.${heard}`,
        remedy:
          'name the monitoring address of each server in `monitors`, or set `trustServers` knowing what it means',
      },
    ],
    at,
  );
  return holding;
}

/** Of servers that were not heard, the smallest is assumed. */
function defaultBatch(reports: readonly ServerReport[]): readonly number[] {
  return reports.length > 0 ? [] : [DEFAULT_BATCH_MESSAGES];
}

/** A batch that must be refused: whoever stores it ignores expectations, whatever its version says. */
async function proveComparison(connection: LogConnection, names: LogNames): Promise<void> {
  const never = { subject: names.check, payload: '', expected: { sequence: IMPOSSIBLE_SEQUENCE } };
  const answer = await connection.patiently(async () => {
    const result = await publish(connection.nats, [{ subject: names.check, payload: '' }, never]);
    if (result.result === 'unknown' || result.result === 'not taken') throw result.error;
    return result;
  });
  if (answer.result === 'moved') return;
  refuse(
    [
      {
        what: 'an append was stored although its expectation was false',
        why: 'Two writers of one stream would both succeed.',
        remedy: `run nats-server 2.12 or later on every server of the cluster`,
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
