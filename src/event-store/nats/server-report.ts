// What the servers say about themselves on their monitoring address. It is the only place that says whether a server syncs
// before it acknowledges: a client's connection cannot see it.
import type { StreamInfo } from '@nats-io/jetstream';

const REPORT_TIMEOUT_MS = 3_000;

/** Of servers that say nothing else. */
export const DEFAULT_BATCH_MESSAGES = 1_000;

export interface ServerReport {
  readonly server: string;
  readonly version: string;
  readonly syncsAlways: boolean;
  /** The most messages of one atomic batch. */
  readonly batchMessages: number;
}

export interface ServerReports {
  readonly reports: readonly ServerReport[];
  /** Addresses that gave none, each with why. */
  readonly silent: readonly string[];
}

export async function askServers(monitors: readonly string[]): Promise<ServerReports> {
  const answers = await Promise.allSettled(monitors.map(askServer));
  return {
    reports: answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])),
    silent: answers.flatMap((answer, index) =>
      answer.status === 'rejected' ? [`${monitors[index]} (${reason(answer.reason)})`] : [],
    ),
  };
}

/** The servers that hold the log. */
export function holdersOf({ cluster }: StreamInfo, connectedTo: string): readonly string[] {
  if (!cluster?.leader) return [connectedTo];
  return [cluster.leader, ...(cluster.replicas ?? []).map(({ name }) => name)];
}

interface Varz {
  readonly server_name?: string;
  readonly version?: string;
  readonly jetstream?: {
    readonly config?: { readonly sync_always?: boolean };
    readonly limits?: { readonly max_batch_size?: number };
  };
}

async function askServer(monitor: string): Promise<ServerReport> {
  const response = await fetch(new URL('/varz', monitor), { signal: AbortSignal.timeout(REPORT_TIMEOUT_MS) });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const { server_name: server, version, jetstream } = (await response.json()) as Varz;
  if (!server || !version) throw new Error('not the monitoring address of a NATS server');
  return {
    server,
    version,
    syncsAlways: jetstream?.config?.sync_always === true,
    batchMessages: jetstream?.limits?.max_batch_size ?? DEFAULT_BATCH_MESSAGES,
  };
}

function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
