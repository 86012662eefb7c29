// `npm start`: the whole example on one machine. `--exit` ends when the story does, `--json` prints its report,
// `--scale n` multiplies the data, `--data-dir` puts it elsewhere.
import { join } from 'node:path';
import { loadConfig } from '../../../src/app/load-config.ts';
import { openOperator } from '../../../src/app/open-operator.ts';
import { copyBars } from '../../../src/cli/copy-bars.ts';
import { createOutput, errorText, paint } from '../../../src/cli/output.ts';
import { BanyanError, EXIT } from '../../../src/kernel/error.ts';
import { pause } from '../../../src/runtime/wait.ts';
import { PROJECT } from '../environment.ts';
import { seedCounts } from '../monolith/seed/rows.ts';
import { startTraffic, type Traffic } from '../traffic/traffic.ts';
import { startMachine } from './machine.ts';
import { readOptions } from './options.ts';
import { judge, type Report } from './report.ts';
import { moveReads, type Narrator, verifyAll } from './story.ts';

/** Requests that the visitors make once all reads are moved, so that the checks have something to check. */
const AFTER_THE_MOVE = 1_000;

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => interruption.abort());
const { signal } = interruption;

// The story goes to stderr, so that stdout holds the report alone.
const output = createOutput(false, process.stderr, process.stderr);
const bars = copyBars(output);
const narrator: Narrator = {
  heading: (text) => output.note(`\n${paint('bold', text)}`),
  line: output.note,
  copy: bars.report,
};

process.exitCode = await play().catch((error: unknown) => {
  if (signal.aborted) return EXIT.interrupted;
  console.error(error instanceof BanyanError ? errorText(error) : error);
  return error instanceof BanyanError ? error.exitCode : EXIT.bug;
});

async function play(): Promise<number> {
  const { exit, json, scale, dataDir, environmentFile } = readOptions(process.argv.slice(2));
  const startedAt = performance.now();
  narrator.heading('Starting');
  await using machine = await startMachine({
    dataDir,
    ...(environmentFile === undefined ? {} : { environmentFile }),
    scale,
    isDefaultPorts: true,
    onStep: (what) => output.note(`  ${what}`),
  });
  process.env.MEDIUM_ENVIRONMENT = machine.environmentFile;
  output.note(
    [
      '',
      `  the site     ${paint('bold', machine.gatewayUrl)}   through the gateway: sign up, write, clap`,
      `  monolith     ${machine.environment.monolithUrl}   as it was, and still in charge of writes`,
      '  the command  npx banyan status   in another terminal',
    ].join('\n'),
  );
  await using traffic = startTraffic({
    baseUrl: machine.gatewayUrl,
    readers: 12,
    writers: 3,
    clappers: 4,
    seed: 1,
    requestsPerSecond: 80,
    members: seedCounts(scale).members,
    signal,
  });
  const config = await loadConfig(join(PROJECT, 'examples/medium/banyan.config.ts'));
  await using operator = await openOperator(config);
  const told = await moveReads(operator, narrator, signal);
  narrator.heading('The services answer, the monolith writes, visitors go on');
  await requestsAnswered(traffic, AFTER_THE_MOVE, signal);
  const verified = await verifyAll(operator, narrator, signal);

  const status = await operator.status();
  const seen = exit ? await traffic.stop() : traffic.stats();
  const shadows = status.domains.flatMap(({ traffic: found }) => (found ? [found.shadow] : []));
  const sum = (figures: readonly number[]): number => figures.reduce((total, figure) => total + figure, 0);
  const report = judge(
    {
      rowsBackfilled: told.rowsBackfilled,
      eventsCaptured: status.capture?.eventsCaptured ?? 0,
      domains: told.domains,
      requestsTotal: seen.requestsTotal,
      requestsFailed: seen.requestsFailed,
      readsByMonolith: sum(status.domains.map((domain) => domain.traffic?.readsByMonolith ?? 0)),
      readsByService: sum(status.domains.map((domain) => domain.traffic?.readsByService ?? 0)),
      shadowCompared: sum(shadows.map(({ compared }) => compared)),
      shadowDiffers: sum(shadows.map(({ differs }) => differs)),
      rowsVerified: verified.rowsVerified,
      rowsDiffering: verified.rowsDiffering,
      readYourWritesChecked: seen.readYourWritesChecked,
      readYourWritesViolated: seen.readYourWritesViolated,
    },
    Math.round((performance.now() - startedAt) / 100) / 10,
    [
      ...verified.samples,
      ...seen.failureSamples,
      ...seen.violationSamples,
      ...status.domains.flatMap((domain) => domain.traffic?.shadowSamples ?? []),
    ].slice(0, 20),
  );
  tellResult(report);
  if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
  if (!exit) {
    output.note(`\nEverything stays up, traffic included. Ctrl-C ends it.`);
    await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
  }
  return report.ok ? EXIT.done : EXIT.different;
}

/** Resolves when visitors have asked `count` times more. */
async function requestsAnswered(traffic: Traffic, count: number, signal: AbortSignal): Promise<void> {
  const until = traffic.stats().requestsTotal + count;
  while (traffic.stats().requestsTotal < until) await pause(100, signal);
}

function tellResult(report: Report): void {
  narrator.heading('What was checked');
  for (const { check, ok, measured } of report.checks) {
    output.note(`  ${ok ? paint('green', '✓') : paint('red', '✗')} ${check.padEnd(46)} ${measured}`);
  }
}
