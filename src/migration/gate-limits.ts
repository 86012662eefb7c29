// What the gates measure against. Each limit stands beside its measured value wherever a gate is shown.

export interface GateLimits {
  /** From the source's commit to the event log, measured when the gate is asked. */
  readonly captureLagMs: number;
  /** How far the service's store may be behind the head of the log. */
  readonly projectionLagEvents: number;
  /** How old a clean verification may be. */
  readonly verifiedWithinMs: number;
  /** Fewer comparisons than this are no evidence: 0 differences in n prove less than 3/n. */
  readonly shadowComparisons: number;
  /** Answers of 500 and above among the service's answers, 0 to 1. */
  readonly errorShare: number;
  /** Queries of the service's side that the monolith had to answer, 0 to 1. */
  readonly fallbackShare: number;
  /** Fewer queries than this say nothing about shares. */
  readonly trafficQueries: number;
}

export const DEFAULT_GATE_LIMITS: GateLimits = {
  captureLagMs: 2_000,
  projectionLagEvents: 1_000,
  verifiedWithinMs: 24 * 3_600_000,
  shadowComparisons: 200,
  errorShare: 0.001,
  fallbackShare: 0.01,
  trafficQueries: 100,
};
