// What the gates look at: a domain's traffic since its last move. What went wrong before that, and was mended, is history.
import type { TrafficEvidence } from '../control/role-status.ts';

export class Evidence {
  readonly #countedSoFar: (domain: string) => TrafficEvidence;
  readonly #atMove = new Map<string, TrafficEvidence>();

  /** `countedSoFar`: since the gateway started. */
  constructor(countedSoFar: (domain: string) => TrafficEvidence) {
    this.#countedSoFar = countedSoFar;
  }

  moved(domain: string): void {
    this.#atMove.set(domain, this.#countedSoFar(domain));
  }

  sinceMove(domain: string): TrafficEvidence {
    const now = this.#countedSoFar(domain);
    const before = this.#atMove.get(domain);
    if (!before) return now;
    return {
      readsByService: now.readsByService - before.readsByService,
      fallbackBehind: now.fallbackBehind - before.fallbackBehind,
      fallbackFailed: now.fallbackFailed - before.fallbackFailed,
      compared: now.compared - before.compared,
      differs: now.differs - before.differs,
    };
  }
}
