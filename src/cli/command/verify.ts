// `banyan verify <domain>`: the service's store against the monolith's tables, at one LSN.
import { openOperator } from '../../app/open-operator.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';
import { count, duration } from '../progress-bar.ts';

export const run: CommandRun = async ({ arguments: { domain }, output, signal, config }) => {
  await using operator = await openOperator(await config());
  const report = await operator.verify(domain!, { signal, onProgress: output.progress });
  const render = (): string =>
    [
      `${report.domain}: ${count(report.rowsVerified)} rows compared at ${report.lsn} in ${duration(report.seconds)}, ${count(report.rowsDiffering)} differ`,
      ...report.samples.map((sample) => `  ${sample.table} ${sample.key}: ${sample.difference}`),
    ].join('\n');
  const isClean = report.rowsDiffering === 0;
  output.result('verify', report, render, {
    ok: isClean,
    next: isClean ? [] : [{ command: `banyan rebuild ${domain}`, why: 'builds the store anew from the log' }],
  });
  return isClean ? EXIT.done : EXIT.different;
};
