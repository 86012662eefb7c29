// Gates: what has to be measured, and how it has to come out, before a domain may go on. No data is never a pass.
import { performance } from 'node:perf_hooks';
import type { TrafficEvidence } from '../control/role-status.ts';
import type { Domain } from '../domain/domain.ts';
import type { GateResult, GateVerdict, Stage } from '../kernel/stage.ts';
import { STAGES } from '../kernel/stage.ts';
import { waitUntil } from '../runtime/wait.ts';
import { readMigration } from './migration.ts';
import { inputsOf, type MigrationContext } from './ports.ts';
import type { Move } from './transition.ts';

interface Measured {
  readonly verdict: GateVerdict;
  readonly measured: string;
  /** When it was measured; absent: now. */
  readonly at?: string;
  readonly remedy?: string;
}
export type GateName = keyof typeof GATES;
type Gate = (context: MigrationContext, domain: Domain) => Promise<Measured>;

export const GATES = {
  'source is ready': async ({ admin }, domain) => {
    const obstacles = await admin.obstacles(Object.keys(domain.capture.tables));
    if (obstacles.length === 0) return { verdict: 'pass', measured: 'nothing stands in the way' };
    return { verdict: 'fail', measured: obstacles.join('; '), remedy: 'banyan doctor' };
  },

  'capture lag': async ({ admin, eventLog, source, limits }) => {
    const wanted = await admin.flushedLsn();
    const startedAt = performance.now();
    const isThere = await waitUntil(
      async () => ((await eventLog.sourceProgress(source))?.lsn ?? 0n) >= wanted,
      {
        timeoutMs: limits.captureLagMs,
        everyMs: 2,
      },
    );
    const lagMs = performance.now() - startedAt;
    const limit = `limit ${seconds(limits.captureLagMs)}`;
    if (isThere) return { verdict: 'pass', measured: `${seconds(lagMs)}, ${limit}` };
    return { verdict: 'fail', measured: `over ${seconds(lagMs)}, ${limit}`, remedy: 'banyan status' };
  },

  'inputs are copied': async (context, domain) => {
    const stages = await Promise.all(
      [domain, ...inputsOf(context, domain)].map(async ({ name }) => ({
        name,
        stage: (await readMigration(context.eventLog, name)).route.stage,
      })),
    );
    const missing = stages.filter(({ stage }) => STAGES.indexOf(stage) < STAGES.indexOf('backfilled'));
    if (missing.length === 0) return { verdict: 'pass', measured: stages.map(({ name }) => name).join(', ') };
    const measured = missing.map(({ name, stage }) => `${name} is ${stage}`).join(', ');
    return { verdict: 'fail', measured, remedy: `banyan promote ${missing[0]!.name} --to backfilled` };
  },

  'nothing is parked': async (context, domain) => {
    const { capture, service } = context.probe;
    const [translating, projecting] = await Promise.all([capture(), service(domain.name)]);
    if (!translating || !projecting) {
      const [who, remedy] = translating
        ? ['the service', `banyan run --role service --domain ${domain.name}`]
        : ['capture', 'banyan run --role capture'];
      return { verdict: 'not-enough-data', measured: `${who} does not answer`, remedy };
    }
    const tables = new Set(
      [domain, ...inputsOf(context, domain)].flatMap(({ capture: { tables: own } }) => Object.keys(own)),
    );
    const keys = translating.parked.filter(({ table }) => tables.has(table));
    const streams = projecting.parked;
    if (keys.length + streams.length === 0) return { verdict: 'pass', measured: '0 keys, 0 streams' };
    const [first] = [
      ...keys.map(({ table, error }) => `${table}: ${error}`),
      ...streams.map(({ stream, error }) => `${stream}: ${error}`),
    ];
    const measured = `${keys.length} keys, ${streams.length} streams; ${first}`;
    return { verdict: 'fail', measured, remedy: `banyan parked list ${domain.name}` };
  },

  'projection is live': async ({ probe, limits }, domain) => {
    const status = await probe.service(domain.name);
    if (!status)
      return {
        verdict: 'not-enough-data',
        measured: 'the service does not answer',
        remedy: `banyan run --role service --domain ${domain.name}`,
      };
    const measured = `${status.lagEvents} events behind, limit ${limits.projectionLagEvents}`;
    if (status.error) return { verdict: 'fail', measured: status.error };
    if (status.state !== 'live')
      return { verdict: 'fail', measured: `its store is being built, ${measured}` };
    return { verdict: status.lagEvents <= limits.projectionLagEvents ? 'pass' : 'fail', measured };
  },

  verified: async ({ eventLog, limits }, domain) => {
    const { verification } = await readMigration(eventLog, domain.name);
    const remedy = `banyan verify ${domain.name}`;
    if (!verification) return { verdict: 'not-enough-data', measured: 'never verified', remedy };
    const ageMs = Date.now() - Date.parse(verification.at);
    const measured = `${verification.rowsDiffering} of ${verification.rows} rows differ at ${verification.lsn}, ${seconds(ageMs)} ago, limit ${seconds(limits.verifiedWithinMs)}`;
    const isGood =
      verification.rowsDiffering === 0 && verification.rows > 0 && ageMs <= limits.verifiedWithinMs;
    return {
      verdict: isGood ? 'pass' : 'fail',
      measured,
      at: verification.at,
      ...(isGood ? {} : { remedy }),
    };
  },

  'answers agree': ofTraffic(({ compared, differs }, { limits }, domain) => {
    const measured = `${differs} of ${compared} differ, at least ${limits.shadowComparisons} needed`;
    if (differs > 0) return { verdict: 'fail', measured, remedy: `banyan shadow ${domain.name}` };
    return { verdict: compared >= limits.shadowComparisons ? 'pass' : 'not-enough-data', measured };
  }),

  'few errors': ofTraffic((traffic, { limits }) =>
    share(traffic.fallbackFailed, traffic, limits.errorShare, limits.trafficQueries),
  ),

  'few fallbacks': ofTraffic((traffic, { limits }) =>
    share(traffic.fallbackBehind, traffic, limits.fallbackShare, limits.trafficQueries),
  ),
} as const satisfies Record<string, Gate>;

const FOLLOWING: readonly GateName[] = [
  'capture lag',
  'inputs are copied',
  'nothing is parked',
  'projection is live',
];
const PROVEN: readonly GateName[] = [...FOLLOWING, 'verified', 'answers agree'];

/** Which gates guard the way into a stage. */
export const GUARDS: { readonly [S in Stage]: readonly GateName[] } = {
  mapped: [],
  capturing: ['source is ready'],
  backfilled: [],
  shadowing: FOLLOWING,
  reading: PROVEN,
};

/** A greater share of sessions also needs that the smaller one went well. */
export const GUARDS_OF_MORE_READS: readonly GateName[] = [...PROVEN, 'few errors', 'few fallbacks'];

/** The gates of a move. A rollback has none. */
export function gatesOf(move: Move): readonly GateName[] {
  if (move.direction === 'rollback') return [];
  return move.from.stage === 'reading' ? GUARDS_OF_MORE_READS : GUARDS[move.to.stage];
}

export async function evaluateGates(
  context: MigrationContext,
  domain: Domain,
  names: readonly GateName[],
): Promise<readonly GateResult[]> {
  return Promise.all(
    names.map(async (name): Promise<GateResult> => {
      const found: Measured = await GATES[name](context, domain);
      const { at, ...result } = found;
      return { gate: name, measuredAt: at ?? new Date().toISOString(), ...result };
    }),
  );
}

/** A gate on what the gateway has counted since the domain's last move. */
function ofTraffic(
  judge: (since: TrafficEvidence, context: MigrationContext, domain: Domain) => Measured,
): Gate {
  return async (context, domain) => {
    const traffic = await context.probe.traffic(domain.name);
    if (traffic) return judge(traffic.sinceMove, context, domain);
    const measured = 'the gateway does not answer';
    return { verdict: 'not-enough-data', measured, remedy: 'banyan run --role gateway' };
  };
}

function share(bad: number, placed: TrafficEvidence, limit: number, least: number): Measured {
  const all = placed.readsByService + placed.fallbackBehind + placed.fallbackFailed;
  const percent = all === 0 ? 'no queries' : `${((100 * bad) / all).toFixed(2)} % of ${all}`;
  const measured = `${percent}, limit ${100 * limit} %, at least ${least} queries needed`;
  if (all < least) return { verdict: 'not-enough-data', measured };
  return { verdict: bad / all <= limit ? 'pass' : 'fail', measured };
}

function seconds(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`;
}
