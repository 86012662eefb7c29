// Leaves a service alone after several failures in a row, so that a dead one costs its clients no time. While open, one
// request at a time is copied to it off the client's path; the first that is answered closes the circuit.

export class CircuitBreaker {
  readonly #failures: number;
  readonly #openMs: number;
  readonly #now: () => number;
  #inARow = 0;
  #openUntil = 0;
  #isProbing = false;

  constructor(failures: number, openMs: number, now: () => number = () => performance.now()) {
    this.#failures = failures;
    this.#openMs = openMs;
    this.#now = now;
  }

  get isOpen(): boolean {
    return this.#inARow >= this.#failures;
  }

  /** True once per open period: whoever gets it asks the service and reports how that went. */
  takeProbe(): boolean {
    if (!this.isOpen || this.#isProbing || this.#now() < this.#openUntil) return false;
    this.#isProbing = true;
    return true;
  }

  succeeded(): void {
    this.#inARow = 0;
    this.#isProbing = false;
  }

  failed(): void {
    this.#inARow += 1;
    this.#isProbing = false;
    if (this.isOpen) this.#openUntil = this.#now() + this.#openMs;
  }
}
