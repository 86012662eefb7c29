// What this gateway has counted since it started: per domain for the gates, and over all as a latency histogram.
import type { Metric } from '../control/metrics.ts';
import type { DomainTraffic } from '../control/role-status.ts';

export type DomainCount =
  | 'readsByMonolith'
  | 'readsByService'
  | 'fallbackBehind'
  | 'fallbackFailed'
  | 'commands'
  | 'failed';
export type DomainCounts = Pick<DomainTraffic, DomainCount>;

/** Upper bounds in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

const HELP: Readonly<Record<DomainCount, readonly [string, string]>> = {
  readsByMonolith: [
    'banyan_gateway_reads_by_monolith_total',
    'Queries of a domain that the monolith answered.',
  ],
  readsByService: ['banyan_gateway_reads_by_service_total', 'Queries of a domain that its service answered.'],
  fallbackBehind: [
    'banyan_gateway_fallback_behind_total',
    'Queries placed on the service that the monolith answered because the service was behind.',
  ],
  fallbackFailed: [
    'banyan_gateway_fallback_failed_total',
    'Queries placed on the service that the monolith answered because the service failed.',
  ],
  commands: ['banyan_gateway_commands_total', 'Commands of a domain.'],
  failed: ['banyan_gateway_failed_total', 'Answers of 500 and above, and requests that nobody could answer.'],
};

export class TrafficFigures {
  readonly #domains: ReadonlyMap<string, Record<DomainCount, number>>;
  readonly #buckets = new Array<number>(BUCKETS.length + 1).fill(0);
  #seconds = 0;
  requests = 0;
  inFlight = 0;

  constructor(domains: readonly string[]) {
    this.#domains = new Map(domains.map((domain) => [domain, noCounts()]));
  }

  count(domain: string, what: DomainCount): void {
    const counts = this.#domains.get(domain);
    if (counts) counts[what] += 1;
  }

  observe(seconds: number): void {
    this.#seconds += seconds;
    const at = BUCKETS.findIndex((bound) => seconds <= bound);
    this.#buckets[at < 0 ? BUCKETS.length : at]! += 1;
  }

  domain(name: string): DomainCounts {
    return { ...(this.#domains.get(name) ?? noCounts()) };
  }

  metrics(): readonly Metric[] {
    const perDomain = (Object.keys(HELP) as DomainCount[]).map((what): Metric => {
      const [name, help] = HELP[what];
      const samples = [...this.#domains].map(([domain, counts]) => {
        return { labels: { domain }, value: counts[what] };
      });
      return { name, help, type: 'counter', samples };
    });
    return [
      gauge('banyan_gateway_requests_total', 'Requests begun.', 'counter', this.requests),
      gauge('banyan_gateway_in_flight', 'Requests not yet answered to their end.', 'gauge', this.inFlight),
      ...perDomain,
      this.#histogram(),
    ];
  }

  #histogram(): Metric {
    let sum = 0;
    const buckets = this.#buckets.map((value, at) => {
      sum += value;
      return { suffix: '_bucket', labels: { le: String(BUCKETS[at] ?? '+Inf') }, value: sum } as const;
    });
    return {
      name: 'banyan_gateway_request_seconds',
      help: 'From the head of a request to the end of its answer.',
      type: 'histogram',
      samples: [
        ...buckets,
        { suffix: '_sum', labels: {}, value: this.#seconds },
        { suffix: '_count', labels: {}, value: sum },
      ],
    };
  }
}

function gauge(name: string, help: string, type: 'counter' | 'gauge', value: number): Metric {
  return { name, help, type, samples: [{ labels: {}, value }] };
}

function noCounts(): Record<DomainCount, number> {
  return {
    readsByMonolith: 0,
    readsByService: 0,
    fallbackBehind: 0,
    fallbackFailed: 0,
    commands: 0,
    failed: 0,
  };
}
