// `banyan status`: where every domain stands; --watch shows it live, --wait turns it into a gate for scripts.
import { openOperator } from '../../app/open-operator.ts';
import type { SystemStatus } from '../../app/system-status.ts';
import { BanyanError, EXIT } from '../../kernel/error.ts';
import { STAGES } from '../../kernel/stage.ts';
import { pause } from '../../runtime/wait.ts';
import type { CommandRun } from '../command.ts';
import type { NextStep } from '../output.ts';
import { parseDuration, parseStage, usage } from '../parse.ts';
import { statusTable } from '../show-status.ts';

const DEFAULT_TIMEOUT_MS = 600_000;

export const run: CommandRun = async ({ arguments: { domain }, options, output, signal, config }) => {
  const wanted = typeof options.wait === 'string' ? parseStage('wait', options.wait) : undefined;
  if (wanted && !domain)
    throw usage('--wait needs a domain', `Write \`banyan status <domain> --wait ${wanted}\`.`);
  const timeoutMs =
    typeof options.timeout === 'string' ? parseDuration('timeout', options.timeout) : DEFAULT_TIMEOUT_MS;
  await using operator = await openOperator(await config());
  const read = async (): Promise<SystemStatus> => {
    const status = await operator.status();
    return domain
      ? { ...status, domains: status.domains.filter((one) => one.domain === operator.domain(domain).name) }
      : status;
  };

  if (wanted) {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const status = await read();
      const stage = status.domains[0]!.route.stage;
      if (STAGES.indexOf(stage) >= STAGES.indexOf(wanted)) return show(status);
      if (signal.aborted)
        throw new BanyanError('INTERRUPTED', `Stopped waiting for ${domain} to reach ${wanted}`);
      if (performance.now() >= deadline) {
        throw new BanyanError(
          'WAIT_TIMED_OUT',
          `${domain} is ${stage}; it has not reached ${wanted} within ${timeoutMs / 1_000} s`,
        );
      }
      output.progress(`${domain} is ${stage}; waiting for ${wanted}`);
      await pause(250, signal);
    }
  }
  if (options.watch !== true) return show(await read());
  while (!signal.aborted) {
    const status = await read();
    if (output.isLive) output.progress(statusTable(status));
    else output.row(status, () => statusTable(status));
    await pause(1_000, signal);
  }
  return EXIT.done;

  function show(status: SystemStatus): number {
    output.result('status', status, () => statusTable(status), { next: nextSteps(status) });
    return EXIT.done;
  }
};

/** At most one sensible command per domain. */
function nextSteps(status: SystemStatus): readonly NextStep[] {
  return status.domains.flatMap(({ domain, route, verification, trouble }): NextStep[] => {
    if (verification && verification.rowsDiffering > 0) {
      return [
        { command: `banyan verify ${domain}`, why: `${verification.rowsDiffering} rows differed last time` },
      ];
    }
    if (trouble.length > 0) return [];
    if (route.stage === 'backfilled' || (route.stage === 'shadowing' && !verification)) {
      return [{ command: `banyan verify ${domain}`, why: 'reading needs a clean verification' }];
    }
    if (route.stage === 'reading' && route.percent === 100) return [];
    return [
      {
        command: `banyan promote ${domain}`,
        why: `it is ${route.stage}${route.stage === 'reading' ? ` ${route.percent}%` : ''}`,
      },
    ];
  });
}
