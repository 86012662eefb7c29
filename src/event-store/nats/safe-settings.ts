// Which settings of servers and stream keep what the log promises. NATS's own defaults acknowledge before they sync and
// let limits delete history; a log on them would lose events in silence, so it is refused.
import type { StreamConfig } from '@nats-io/jetstream';
import type { ServerReport } from './server-report.ts';

/** Atomic batches, and expectations that are kept: older servers ignore the headers without a word. */
export const SERVER_VERSION_MIN = '2.12.0';

/** Seven days at least, and one for clocks that disagree. */
export const KEY_TTL = '192h';

/** A setting, as found, and what it must be. */
export interface UnsafeSetting {
  readonly what: string;
  readonly why: string;
  readonly remedy: string;
}

/** Everything that a new log is made with. */
export function streamSettings(
  name: string,
  subjects: readonly string[],
  replicas: number,
): Partial<StreamConfig> & { readonly name: string } {
  return {
    name,
    subjects: [...subjects],
    storage: 'file',
    retention: 'limits',
    discard: 'new',
    num_replicas: replicas,
    max_msgs: -1,
    max_bytes: -1,
    max_age: 0,
    max_msgs_per_subject: -1,
    allow_direct: true,
    allow_atomic: true,
    // Idempotency keys go after their time; nothing else carries a time to live.
    allow_msg_ttl: true,
    allow_rollup_hdrs: false,
    deny_delete: true,
    deny_purge: true,
  };
}

export function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split(/[.-]/).slice(0, 3).map(Number));
  for (let index = 0; index < 3; index += 1) {
    const [left = 0, right = 0] = [a?.[index], b?.[index]];
    if (left !== right) return left < right;
  }
  return false;
}

export function unsafeServer(server: string, version: string): UnsafeSetting[] {
  if (!isOlder(version, SERVER_VERSION_MIN)) return [];
  return [
    {
      what: `server ${server} has version ${version}`,
      why: 'Servers below 2.12 ignore the headers by which appends are compared and kept whole, without an error.',
      remedy: `run nats-server ${SERVER_VERSION_MIN} or later (2.15 syncs ten times faster on three replicas)`,
    },
  ];
}

export function unsafeReport({ server, version, syncsAlways }: ServerReport): UnsafeSetting[] {
  const old = unsafeServer(server, version);
  if (syncsAlways) return old;
  return [
    ...old,
    {
      what: `server ${server} acknowledges before it syncs`,
      why: 'By default it syncs every two minutes: a power cut takes acknowledged events with it.',
      remedy: `set \`jetstream { sync_interval: always }\` in the configuration of ${server} and restart it`,
    },
  ];
}

interface StreamRule {
  readonly setting: keyof StreamConfig;
  readonly isSafe: (config: Partial<StreamConfig>, replicas: number) => boolean;
  readonly expected: (replicas: number) => string;
  readonly why: string;
}

const isUnlimited = (value: number | undefined): boolean => value === undefined || value <= 0;

const RULES: readonly StreamRule[] = [
  rule('storage', ({ storage }) => storage === 'file', 'file', 'Memory is gone with the server.'),
  rule('retention', ({ retention }) => retention === 'limits', 'limits', 'Any other deletes what was read.'),
  rule(
    'discard',
    ({ discard }) => discard === 'new',
    'new',
    'With any limit, `old` deletes history in silence.',
  ),
  {
    setting: 'num_replicas',
    isSafe: ({ num_replicas: found = 1 }, replicas) => found >= replicas,
    expected: String,
    why: 'With fewer copies than asked for, fewer servers may be lost.',
  },
  rule('max_msgs', ({ max_msgs: max }) => isUnlimited(max), '-1', 'A log is kept whole.'),
  rule('max_bytes', ({ max_bytes: max }) => isUnlimited(max), '-1', 'A log is kept whole.'),
  rule('max_age', ({ max_age: max }) => isUnlimited(max), '0', 'A log is kept for ever.'),
  rule(
    'max_msgs_per_subject',
    ({ max_msgs_per_subject: max }) => isUnlimited(max),
    '-1',
    'Streams are kept whole.',
  ),
  rule('deny_delete', ({ deny_delete: denied }) => denied === true, 'true', 'Events are for ever.'),
  rule('deny_purge', ({ deny_purge: denied }) => denied === true, 'true', 'Events are for ever.'),
  rule(
    'allow_rollup_hdrs',
    (config) => config.allow_rollup_hdrs !== true,
    'false',
    'A rollup deletes history.',
  ),
  rule('allow_atomic', (config) => config.allow_atomic === true, 'true', 'Appends are kept whole by it.'),
  rule('allow_direct', (config) => config.allow_direct === true, 'true', 'Readers read by it.'),
  rule('allow_msg_ttl', (config) => config.allow_msg_ttl === true, 'true', 'Idempotency keys go by it.'),
  rule(
    'persist_mode',
    ({ persist_mode: mode }) => (mode ?? 'default') === 'default',
    'default',
    'Others do not sync.',
  ),
  rule('sealed', ({ sealed }) => sealed !== true, 'false', 'A sealed stream takes no event.'),
  rule('mirror', ({ mirror }) => mirror === undefined, 'none', 'Positions would be those of another log.'),
  rule('sources', ({ sources }) => !sources?.length, 'none', 'Others would write past the expectations.'),
  rule('subject_transform', (config) => !config.subject_transform, 'none', 'Subjects say what a message is.'),
];

function rule(
  setting: keyof StreamConfig,
  isSafe: StreamRule['isSafe'],
  expected: string,
  why: string,
): StreamRule {
  return { setting, isSafe, expected: () => expected, why };
}

export function unsafeStream(config: Partial<StreamConfig>, replicas: number): UnsafeSetting[] {
  return RULES.filter(({ isSafe }) => !isSafe(config, replicas)).map(({ setting, expected, why }) => ({
    what: `stream setting ${setting} is ${text(config[setting])}`,
    why,
    remedy: `set ${setting} to ${expected(replicas)}`,
  }));
}

function text(value: unknown): string {
  if (value === undefined) return 'not set';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
