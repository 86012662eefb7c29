// The story that `npm start` tells: copy what is there, then move the reads of one domain after another, each step only
// when its gates pass. Drives the same operator that the command line uses.
import type { Operator } from '../../../src/app/operator.ts';
import type { CopyProgress } from '../../../src/cli/progress-bar.ts';
import { gateLines } from '../../../src/cli/show-status.ts';
import { BanyanError } from '../../../src/kernel/error.ts';
import type { VerificationReport } from '../../../src/verification/verify.ts';
import type { DomainName } from '../environment.ts';
import type { DomainReport } from './report.ts';

/** Members and publications first: posts and profiles show them. */
export const ORDER: readonly DomainName[] = ['publications', 'profiles', 'claps', 'posts'];

export interface Narrator {
  heading(text: string): void;
  line(text: string): void;
  copy(progress: CopyProgress): void;
}

export interface Told {
  readonly rowsBackfilled: number;
  readonly domains: readonly DomainReport[];
}

export interface Verified {
  readonly rowsVerified: number;
  readonly rowsDiffering: number;
  readonly samples: readonly unknown[];
}

const GATES_WITHIN_MS = 180_000;

/** Resolves when all four domains are read from their services; throws when a gate stays shut. */
export async function moveReads(operator: Operator, narrator: Narrator, signal: AbortSignal): Promise<Told> {
  const startedAt = new Map<DomainName, number>();
  let rowsBackfilled = 0;
  narrator.heading('Every table into the log, while the monolith goes on serving');
  for (const domain of ORDER) {
    startedAt.set(domain, performance.now());
    await move(domain, { to: 'capturing' });
    await move(domain, { to: 'backfilled' });
    rowsBackfilled += (await operator.migration(domain)).backfilledRows ?? 0;
  }

  const domains: DomainReport[] = [];
  for (const domain of ORDER) {
    narrator.heading(`${domain}: its reads move to the service`);
    await move(domain, { to: 'shadowing' });
    await verifyOne(operator, domain, narrator, signal);
    for (const reads of [25, 100]) await move(domain, { to: 'reading', reads });
    const seconds = (performance.now() - startedAt.get(domain)!) / 1_000;
    domains.push({ name: domain, stage: 'reading', percent: 100, seconds: Math.round(seconds * 10) / 10 });
  }
  return { rowsBackfilled, domains };

  async function move(
    domain: DomainName,
    to: { to: 'capturing' | 'backfilled' | 'shadowing' | 'reading'; reads?: number },
  ): Promise<void> {
    const goal = to.reads === undefined ? to.to : `${to.to} ${to.reads}%`;
    const result = await operator.promote(domain, {
      ...to,
      reason: 'npm start',
      signal,
      waitForGatesMs: GATES_WITHIN_MS,
      onProgress: narrator.copy,
      onStep: (text) => narrator.line(`    ${text}`),
    });
    if (result.outcome !== 'moved') {
      const samples = (await operator.status()).domains.find((one) => one.domain === domain)?.traffic
        ?.shadowSamples;
      throw new BanyanError('GATE_REFUSED', `${domain} cannot go to ${goal}`, {
        why: [gateLines(result.gates), ...(samples ?? []).map((sample) => JSON.stringify(sample))].join('\n'),
      });
    }
    narrator.line(`  ${domain} → ${goal}`);
    if (result.gates.length > 0) narrator.line(gateLines(result.gates));
  }
}

/** Every store against the monolith's tables, row by row, under traffic. */
export async function verifyAll(
  operator: Operator,
  narrator: Narrator,
  signal: AbortSignal,
): Promise<Verified> {
  narrator.heading("Every store against the monolith's tables, row by row");
  let rowsVerified = 0;
  let rowsDiffering = 0;
  const samples: unknown[] = [];
  for (const domain of ORDER) {
    const report = await verifyOne(operator, domain, narrator, signal);
    rowsVerified += report.rowsVerified;
    rowsDiffering += report.rowsDiffering;
    samples.push(...report.samples.map((sample) => ({ domain, ...sample })));
  }
  return { rowsVerified, rowsDiffering, samples: samples.slice(0, 20) };
}

async function verifyOne(
  operator: Operator,
  domain: DomainName,
  narrator: Narrator,
  signal: AbortSignal,
): Promise<VerificationReport> {
  const report = await operator.verify(domain, { signal });
  const { rowsVerified, rowsDiffering, lsn, seconds } = report;
  narrator.line(
    `  ${domain} verified at ${lsn}: ${rowsVerified} rows, ${rowsDiffering} differ (${seconds.toFixed(1)} s)`,
  );
  return report;
}
