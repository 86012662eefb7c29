// Every command of `banyan`, in the order in which help lists them.
import type { ArgumentSpec, CommandSpec, OptionSpec } from './command.ts';

const domain: ArgumentSpec = { name: 'domain', isRequired: true, summary: 'a domain of the config' };
const stream: ArgumentSpec = { name: 'stream', isRequired: true, summary: 'such as post-42' };
const data: OptionSpec = {
  type: 'boolean',
  summary: "show the events' data, which may hold personal values",
};
const timeout: OptionSpec = {
  type: 'string',
  value: 'duration',
  summary: 'give up waiting after this long (30s, 10m; default 10m)',
};
const reason: OptionSpec = { type: 'string', value: 'text', summary: 'why, for the record' };
const plan: OptionSpec = { type: 'boolean', summary: 'print what would be done, and do nothing' };
const to: OptionSpec = {
  type: 'string',
  value: 'stage',
  summary: 'the stage to go to (default: the next one)',
};
const reads: OptionSpec = {
  type: 'string',
  value: 'percent',
  summary: 'share of sessions whose reads the service answers, 0 to 100',
};

const REFUSED = { 3: 'a gate or precondition is not met; nothing changed' };
const CONFLICT = { 7: 'someone else holds the operation, or moved the domain meanwhile' };
const TIMED_OUT = { 5: 'timed out waiting; the operation goes on' };

export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'dev',
    summary: 'run every role in one process',
    arguments: [],
    options: {},
    exits: {},
    load: () => import('./command/dev.ts'),
  },
  {
    name: 'run',
    summary: 'run one role as a process of its own',
    arguments: [],
    options: {
      role: { type: 'string', value: 'role', summary: 'gateway, capture or service' },
      domain: { type: 'string', value: 'domain', summary: 'with --role service: whose' },
    },
    exits: {},
    load: () => import('./command/run.ts'),
  },
  {
    name: 'doctor',
    summary: 'check every precondition at the source, with the SQL that mends it',
    arguments: [],
    options: {},
    exits: { 3: 'something blocks capture' },
    load: () => import('./command/doctor.ts'),
  },
  {
    name: 'status',
    summary: 'where every domain stands, and what you may do next',
    arguments: [{ ...domain, isRequired: false }],
    options: {
      watch: { type: 'boolean', summary: 'show it again every second until Ctrl-C' },
      wait: { type: 'string', value: 'stage', summary: 'wait until the domain has reached this stage' },
      timeout,
    },
    exits: TIMED_OUT,
    load: () => import('./command/status.ts'),
  },
  {
    name: 'promote',
    summary: "move a domain to its next stage, once that stage's gates pass",
    arguments: [domain],
    options: {
      to,
      reads,
      plan,
      reason,
      wait: { type: 'boolean', summary: 'wait for gates that lack data or lag, instead of refusing at once' },
      timeout,
    },
    exits: { ...REFUSED, ...TIMED_OUT, ...CONFLICT },
    load: () => import('./command/promote.ts'),
  },
  {
    name: 'rollback',
    summary: 'move a domain back; never gated',
    arguments: [domain],
    options: { to, reads, plan, reason },
    exits: { 3: 'there is nothing to go back to', ...CONFLICT },
    load: () => import('./command/rollback.ts'),
  },
  {
    name: 'backfill',
    summary: "copy a captured domain's existing rows into the log; start, resume or repeat",
    arguments: [domain],
    options: { rate: { type: 'string', value: 'rows', summary: 'at most so many rows a second' } },
    exits: { ...REFUSED, ...CONFLICT, 130: 'paused by Ctrl-C; run it again to go on' },
    load: () => import('./command/backfill.ts'),
  },
  {
    name: 'verify',
    summary: "compare a service's store with the monolith's tables, row by row, at one LSN",
    arguments: [domain],
    options: {},
    exits: { ...REFUSED, 4: 'rows differ' },
    load: () => import('./command/verify.ts'),
  },
  {
    name: 'shadow',
    summary: 'what the comparison of answers has found',
    arguments: [domain],
    options: {},
    exits: { 4: 'answers differ' },
    load: () => import('./command/shadow.ts'),
  },
  {
    name: 'rebuild',
    summary: "build a service's store anew from the first event, beside the live one",
    arguments: [domain],
    options: { timeout },
    exits: TIMED_OUT,
    load: () => import('./command/rebuild.ts'),
  },
  {
    name: 'parked list',
    summary: 'what could not be mapped or applied, and waits: keys of tables and streams',
    arguments: [{ ...domain, isRequired: false }],
    options: {},
    exits: { 4: 'something is parked' },
    load: () => import('./command/parked-list.ts'),
  },
  {
    name: 'parked show',
    summary: 'a parked stream: its fault, and the events that wait',
    arguments: [domain, stream],
    options: { data },
    exits: { 3: 'it is not parked' },
    load: () => import('./command/parked-show.ts'),
  },
  {
    name: 'parked retry',
    summary: "apply what waits in the service's parked streams, or in one, once its handler is mended",
    arguments: [domain, { ...stream, isRequired: false }],
    options: {},
    exits: { 4: 'something is parked still' },
    load: () => import('./command/parked-retry.ts'),
  },
  {
    name: 'parked skip',
    summary: 'leave out the one event at which a stream stands, for good, and go on behind it',
    arguments: [domain, stream],
    options: {},
    exits: { 3: 'it is not parked' },
    load: () => import('./command/parked-skip.ts'),
  },
  {
    name: 'events tail',
    summary: 'follow the log',
    arguments: [],
    options: {
      category: { type: 'string', value: 'names', summary: 'only these categories, separated by commas' },
      type: { type: 'string', value: 'names', summary: 'only these event types, separated by commas' },
      after: { type: 'string', value: 'position', summary: 'start after this position (default: now)' },
      data,
      limit: { type: 'string', value: 'n', summary: 'end after so many events' },
    },
    exits: {},
    load: () => import('./command/events-tail.ts'),
  },
  {
    name: 'events types',
    summary: 'how many events of each type and version the log holds',
    arguments: [],
    options: {},
    exits: { 4: 'some are of a type or version that no domain of the config knows' },
    load: () => import('./command/events-types.ts'),
  },
  {
    name: 'events stream',
    summary: 'one stream, from its first event',
    arguments: [stream],
    options: { data },
    exits: {},
    load: () => import('./command/events-stream.ts'),
  },
];
