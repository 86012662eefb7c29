// Every fault that a user can meet, in one catalogue: its code is its identity, the table says what to do about it.

/** Exit codes of the command line; one table for code, help, documentation and tests. */
export const EXIT = {
  done: 0,
  bug: 1,
  usage: 2,
  refused: 3,
  different: 4,
  timedOut: 5,
  unreachable: 6,
  conflict: 7,
  interrupted: 130,
  terminated: 143,
} as const;
export type ExitName = keyof typeof EXIT;

interface ErrorPolicy {
  /** What a runner does: give up, try again with backoff, or wait for a person. */
  readonly retry: 'never' | 'backoff' | 'operator';
  readonly exit: ExitName;
  /** What to do about it, in the imperative. */
  readonly remedy: string;
}

export const ERRORS = {
  CONFIG_NOT_FOUND: {
    retry: 'never',
    exit: 'usage',
    remedy: 'Name the config file with --config, or run in its folder.',
  },
  CONFIG_INVALID: { retry: 'never', exit: 'usage', remedy: 'Correct the named setting in the config file.' },
  USAGE: { retry: 'never', exit: 'usage', remedy: 'See `banyan help` and `banyan help <command>`.' },
  DOMAIN_UNKNOWN: { retry: 'never', exit: 'usage', remedy: 'Use one of the domains that the config names.' },
  PORT_IN_USE: {
    retry: 'never',
    exit: 'unreachable',
    remedy: 'Stop the other process, or set another port in the config.',
  },
  SOURCE_UNREACHABLE: {
    retry: 'backoff',
    exit: 'unreachable',
    remedy: 'Check the source URL, its credentials and that the server runs.',
  },
  SOURCE_PRIVILEGE_MISSING: {
    retry: 'operator',
    exit: 'refused',
    remedy: 'Run `banyan doctor`: it prints the SQL that grants what is missing.',
  },
  SOURCE_WAL_LEVEL: {
    retry: 'operator',
    exit: 'refused',
    remedy: "ALTER SYSTEM SET wal_level = 'logical'; then restart PostgreSQL.",
  },
  SOURCE_NOT_OPENED: {
    retry: 'operator',
    exit: 'refused',
    remedy: 'Promote a domain to `capturing` first: that creates publication and slot.',
  },
  SOURCE_CHANGED: {
    retry: 'operator',
    exit: 'refused',
    remedy:
      'The slot belongs to another server or timeline than the log. Point the config at the right database, or start a new log.',
  },
  SLOT_MISSING: {
    retry: 'operator',
    exit: 'refused',
    remedy:
      'Changes were lost with the slot. Roll every captured domain back to `mapped`, promote it to `capturing` again, start capture, and go on: its tables are copied anew.',
  },
  SLOT_GAP: {
    retry: 'operator',
    exit: 'refused',
    remedy:
      'Changes were lost before the slot. Roll every captured domain back to `mapped`, promote it to `capturing` again, start capture, and go on: its tables are copied anew.',
  },
  SLOT_IN_USE: {
    retry: 'backoff',
    exit: 'conflict',
    remedy: 'Another capture holds the slot; this one stands by until it is free.',
  },
  REPLICATION_LOST: {
    retry: 'backoff',
    exit: 'unreachable',
    remedy: 'The replication connection broke; capture reconnects and resumes from its checkpoint.',
  },
  REPLICATION_PROTOCOL: {
    retry: 'never',
    exit: 'bug',
    remedy: 'Report it with the server version: the server sent a message that this version cannot read.',
  },
  TABLE_NOT_CAPTURABLE: {
    retry: 'operator',
    exit: 'refused',
    remedy: 'Run `banyan doctor`: it prints the SQL that makes the table capturable.',
  },
  FENCE_TIMEOUT: {
    retry: 'operator',
    exit: 'timedOut',
    remedy: 'End the named transactions, or wait for them, and promote again.',
  },
  LOG_IDENTITY: {
    retry: 'operator',
    exit: 'refused',
    remedy:
      'The checkpoint belongs to another log. Rebuild the store from this log: banyan rebuild <domain>.',
  },
  LOG_UNREACHABLE: {
    retry: 'backoff',
    exit: 'unreachable',
    remedy: 'Check the path or address of the log in the config.',
  },
  LOG_UNSAFE: {
    retry: 'operator',
    exit: 'refused',
    remedy: 'Change the named setting of the server or the stream: the log would lose what it acknowledges.',
  },
  LOG_CORRUPT: { retry: 'never', exit: 'bug', remedy: 'Stop all roles and restore the log from its backup.' },
  EVENT_INVALID: {
    retry: 'operator',
    exit: 'different',
    remedy: 'Correct the mapping so that the event fits its schema; its key is parked until then.',
  },
  EVENT_TOO_NEW: {
    retry: 'operator',
    exit: 'refused',
    remedy: 'Deploy the version that knows it: a newer one has written to the log.',
  },
  COMMAND_CONTENDED: {
    retry: 'backoff',
    exit: 'conflict',
    remedy: 'Try the command again; when this happens often, too many commands are for one entity.',
  },
  FENCED: {
    retry: 'never',
    exit: 'conflict',
    remedy: 'Another process took over this work; let it run, and stop this one.',
  },
  LEASE_HELD: {
    retry: 'backoff',
    exit: 'conflict',
    remedy: 'Another process holds this work; wait for it, or stop it.',
  },
  CHECKPOINT_MISMATCH: {
    retry: 'never',
    exit: 'conflict',
    remedy: 'Two processes write one read store; run one instance of the service on it.',
  },
  STORE_SCHEMA: {
    retry: 'operator',
    exit: 'refused',
    remedy: 'Raise the projection version, or rebuild the store: banyan rebuild <domain>.',
  },
  PROJECTION_FAILED: {
    retry: 'operator',
    exit: 'bug',
    remedy:
      'Correct the handler of the named event type and start the service; the projection resumes at that event.',
  },
  GATE_REFUSED: {
    retry: 'operator',
    exit: 'refused',
    remedy: 'Nothing changed. Mend what the failed gates name, then promote again.',
  },
  TRANSITION_REFUSED: {
    retry: 'never',
    exit: 'refused',
    remedy: 'Nothing changed. See `banyan status` for the moves that are open.',
  },
  MIGRATION_CONFLICT: {
    retry: 'never',
    exit: 'conflict',
    remedy: 'Someone else moved this domain meanwhile. Look at `banyan status` and decide again.',
  },
  CONTROL_UNREACHABLE: {
    retry: 'backoff',
    exit: 'unreachable',
    remedy: 'Start the role, or correct its control address in the config.',
  },
  CONTROL_FORBIDDEN: {
    retry: 'never',
    exit: 'unreachable',
    remedy: 'Use the control token of the running roles (BANYAN_CONTROL_TOKEN, or the file beside the log).',
  },
  WAIT_TIMED_OUT: {
    retry: 'operator',
    exit: 'timedOut',
    remedy: 'The operation goes on; look at `banyan status`, or wait longer with --timeout.',
  },
  DIFFERENCE_FOUND: {
    retry: 'operator',
    exit: 'different',
    remedy: 'Look at the named keys; rebuild the store or correct the mapping, then verify again.',
  },
  SERVICE_UNREACHABLE: {
    retry: 'backoff',
    exit: 'unreachable',
    remedy: 'Start the service, or correct its address in the config.',
  },
  INTERRUPTED: {
    retry: 'never',
    exit: 'interrupted',
    remedy: 'State is saved; run the same command again to go on.',
  },
} as const satisfies Record<string, ErrorPolicy>;

export type ErrorCode = keyof typeof ERRORS;

export interface FaultOptions {
  readonly cause?: unknown;
  /** Where it happened: the domain, table, file and line, address. */
  readonly at?: string;
  /** Why, in one sentence. */
  readonly why?: string;
  /** Overrides the catalogue's remedy with the exact command or statement. */
  readonly remedy?: string;
  /** Identifiers for machines. Never row values, never credentials. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** A fault with a code. Expected outcomes (a conflict, a refused gate asked about) are values instead. */
export class BanyanError extends Error {
  readonly code: ErrorCode;
  readonly at: string | undefined;
  readonly why: string | undefined;
  readonly remedy: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, what: string, options: FaultOptions = {}) {
    super(what, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BanyanError';
    this.code = code;
    this.at = options.at;
    this.why = options.why;
    this.remedy = options.remedy ?? ERRORS[code].remedy;
    this.details = options.details ?? {};
  }

  get exitCode(): number {
    return EXIT[ERRORS[this.code].exit];
  }
}

/** The code of a BanyanError, also one that came from another copy of this module. */
export function errorCode(error: unknown): ErrorCode | undefined {
  const code =
    error instanceof Error && error.name === 'BanyanError' ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' && code in ERRORS ? (code as ErrorCode) : undefined;
}
