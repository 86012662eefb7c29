// What the sessions met, counted: requests, failures, which side answered, and every promise that was broken.

export type Side = 'monolith' | 'service';

export interface TrafficStats {
  readonly requestsTotal: number;
  /** Network errors, timeouts and answers of 500 or more. */
  readonly requestsFailed: number;
  /** Commands answered with 2xx. */
  readonly commandsAcknowledged: number;
  /** Queries by the `banyan-side` header of their answer; answers without it are in neither. */
  readonly bySide: Readonly<Record<Side, number>>;
  readonly readYourWritesChecked: number;
  readonly readYourWritesViolated: number;
  /** A session's own claps for a story, seen again: they never get fewer. */
  readonly monotonicReadsChecked: number;
  readonly monotonicReadsViolated: number;
  /** The first twenty. */
  readonly failureSamples: readonly FailureSample[];
  /** The first twenty. */
  readonly violationSamples: readonly ViolationSample[];
}

export interface FailureSample {
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
  readonly #bySide = { monolith: 0, service: 0 };
  readonly #checked = { readYourWrites: 0, monotonicReads: 0 };
  readonly #violated = { readYourWrites: 0, monotonicReads: 0 };
  readonly #failureSamples: FailureSample[] = [];
  readonly #violationSamples: ViolationSample[] = [];

  requestSent(): void {
    this.#requestsTotal += 1;
  }

  requestFailed(request: string, found: string): void {
    this.#requestsFailed += 1;
    if (this.#failureSamples.length >= MAX_SAMPLES) return;
    this.#failureSamples.push({ time: new Date().toISOString(), request, found });
  }

  commandAcknowledged(): void {
    this.#commandsAcknowledged += 1;
  }

  queryAnswered(side: string): void {
    if (side === 'monolith' || side === 'service') this.#bySide[side] += 1;
  }

  /** One look at one promise. */
  checked(isKept: boolean, violation: Omit<ViolationSample, 'time'>): void {
    this.#checked[violation.promise] += 1;
    if (isKept) return;
    this.#violated[violation.promise] += 1;
    if (this.#violationSamples.length >= MAX_SAMPLES) return;
    this.#violationSamples.push({ time: new Date().toISOString(), ...violation });
  }

  snapshot(): TrafficStats {
    return {
      requestsTotal: this.#requestsTotal,
      requestsFailed: this.#requestsFailed,
      commandsAcknowledged: this.#commandsAcknowledged,
      bySide: { ...this.#bySide },
      readYourWritesChecked: this.#checked.readYourWrites,
      readYourWritesViolated: this.#violated.readYourWrites,
      monotonicReadsChecked: this.#checked.monotonicReads,
      monotonicReadsViolated: this.#violated.monotonicReads,
      failureSamples: [...this.#failureSamples],
      violationSamples: [...this.#violationSamples],
    };
  }
}
