// What the sessions met, counted: requests, failures, which side answered, and every promise that was broken.

export type Side = 'monolith' | 'service';

export interface TrafficStats {
  readonly requestsTotal: number;
  /** Network errors, timeouts and answers of 500 or more. */
  readonly requestsFailed: number;
  /** Commands answered with 2xx. */
  readonly commandsAcknowledged: number;
  /** Commands answered with 4xx: a clap for a story just deleted, the log-in of a member who has yet to sign up. */
  readonly commandsRefused: number;
  /** Queries by the `banyan-side` header of their answer; answers without it are in neither. */
  readonly bySide: Readonly<Record<Side, number>>;
  readonly readYourWritesChecked: number;
  readonly readYourWritesViolated: number;
  /** A session's own claps for a story, seen again: they never get fewer. */
  readonly monotonicReadsChecked: number;
  readonly monotonicReadsViolated: number;
  /** The first twenty. */
  readonly failureSamples: readonly AnswerSample[];
  /** The first twenty. */
  readonly refusalSamples: readonly AnswerSample[];
  /** The first twenty. */
  readonly violationSamples: readonly ViolationSample[];
}

export interface AnswerSample {
  readonly time: string;
  readonly request: string;
  readonly found: string;
}

export interface ViolationSample {
  readonly time: string;
  readonly promise: Promised;
  /** The read that broke the promise. */
  readonly request: string;
  readonly side: string;
  readonly expected: string;
  readonly found: string;
}

export type Promised = 'readYourWrites' | 'monotonicReads';

const MAX_SAMPLES = 20;

export class TrafficRecord {
  #requestsTotal = 0;
  #requestsFailed = 0;
  #commandsAcknowledged = 0;
  #commandsRefused = 0;
  readonly #bySide = { monolith: 0, service: 0 };
  readonly #checked = { readYourWrites: 0, monotonicReads: 0 };
  readonly #violated = { readYourWrites: 0, monotonicReads: 0 };
  readonly #failureSamples: AnswerSample[] = [];
  readonly #refusalSamples: AnswerSample[] = [];
  readonly #violationSamples: ViolationSample[] = [];

  requestSent(): void {
    this.#requestsTotal += 1;
  }

  requestFailed(request: string, found: string): void {
    this.#requestsFailed += 1;
    keep(this.#failureSamples, { time: new Date().toISOString(), request, found });
  }

  commandAcknowledged(): void {
    this.#commandsAcknowledged += 1;
  }

  commandRefused(request: string, found: string): void {
    this.#commandsRefused += 1;
    keep(this.#refusalSamples, { time: new Date().toISOString(), request, found });
  }

  queryAnswered(side: string): void {
    if (side === 'monolith' || side === 'service') this.#bySide[side] += 1;
  }

  /** One look at one promise. */
  checked(isKept: boolean, violation: Omit<ViolationSample, 'time'>): void {
    this.#checked[violation.promise] += 1;
    if (isKept) return;
    this.#violated[violation.promise] += 1;
    keep(this.#violationSamples, { time: new Date().toISOString(), ...violation });
  }

  snapshot(): TrafficStats {
    return {
      requestsTotal: this.#requestsTotal,
      requestsFailed: this.#requestsFailed,
      commandsAcknowledged: this.#commandsAcknowledged,
      commandsRefused: this.#commandsRefused,
      bySide: { ...this.#bySide },
      readYourWritesChecked: this.#checked.readYourWrites,
      readYourWritesViolated: this.#violated.readYourWrites,
      monotonicReadsChecked: this.#checked.monotonicReads,
      monotonicReadsViolated: this.#violated.monotonicReads,
      failureSamples: [...this.#failureSamples],
      refusalSamples: [...this.#refusalSamples],
      violationSamples: [...this.#violationSamples],
    };
  }
}

function keep<T>(samples: T[], sample: T): void {
  if (samples.length < MAX_SAMPLES) samples.push(sample);
}
