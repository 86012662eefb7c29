// What an unattended run answers: figures, and the checks that make it a success. Every check names what it measured.
import type { DomainName } from '../environment.ts';

export interface DomainReport {
  readonly name: DomainName;
  readonly stage: string;
  readonly percent: number;
  /** From the first move of the domain to its last. */
  readonly seconds: number;
}

export interface Figures {
  readonly rowsBackfilled: number;
  readonly eventsCaptured: number;
  readonly domains: readonly DomainReport[];
  readonly requestsTotal: number;
  readonly requestsFailed: number;
  readonly readsByMonolith: number;
  readonly readsByService: number;
  readonly shadowCompared: number;
  readonly shadowDiffers: number;
  readonly rowsVerified: number;
  readonly rowsDiffering: number;
  readonly readYourWritesChecked: number;
  readonly readYourWritesViolated: number;
}

export interface Check {
  readonly check: string;
  readonly ok: boolean;
  readonly measured: string;
}

export interface Report extends Figures {
  readonly ok: boolean;
  readonly seconds: number;
  readonly checks: readonly Check[];
  /** What to look at when a check failed; bounded. */
  readonly samples: readonly unknown[];
}

/** No figure without traffic behind it passes: zero of nothing is no evidence. */
export function judge(figures: Figures, seconds: number, samples: readonly unknown[]): Report {
  const everyDomainReads = figures.domains.every(
    ({ stage, percent }) => stage === 'reading' && percent === 100,
  );
  const checks: readonly Check[] = [
    {
      check: 'every domain is read from its service',
      ok: figures.domains.length > 0 && everyDomainReads,
      measured: figures.domains.map(({ name, stage, percent }) => `${name} ${stage} ${percent}%`).join(', '),
    },
    {
      check: 'existing rows became events',
      ok: figures.rowsBackfilled > 0,
      measured: `${figures.rowsBackfilled} rows`,
    },
    {
      check: 'live changes became events',
      ok: figures.eventsCaptured > 0,
      measured: `${figures.eventsCaptured} events`,
    },
    {
      check: 'no request failed',
      ok: figures.requestsTotal > 0 && figures.requestsFailed === 0,
      measured: `${figures.requestsFailed} of ${figures.requestsTotal}`,
    },
    {
      check: 'both sides answered reads',
      ok: figures.readsByMonolith > 0 && figures.readsByService > 0,
      measured: `${figures.readsByMonolith} monolith, ${figures.readsByService} service`,
    },
    {
      check: 'the services answer what the monolith answers',
      ok: figures.shadowCompared > 0 && figures.shadowDiffers === 0,
      measured: `${figures.shadowDiffers} of ${figures.shadowCompared} differ`,
    },
    {
      check: "the stores equal the monolith's tables",
      ok: figures.rowsVerified > 0 && figures.rowsDiffering === 0,
      measured: `${figures.rowsDiffering} of ${figures.rowsVerified} rows differ`,
    },
    {
      check: 'every session saw its own writes',
      ok: figures.readYourWritesChecked > 0 && figures.readYourWritesViolated === 0,
      measured: `${figures.readYourWritesViolated} of ${figures.readYourWritesChecked} violated`,
    },
  ];
  return { ok: checks.every(({ ok }) => ok), seconds, ...figures, checks, samples };
}
