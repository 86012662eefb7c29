// `banyan shadow <domain>`: what the comparison of both sides' answers has found, by route and field.
import { openOperator } from '../../app/open-operator.ts';
import { BanyanError, EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';
import { count } from '../progress-bar.ts';

export const run: CommandRun = async ({ arguments: { domain }, output, config }) => {
  await using operator = await openOperator(await config());
  const { name } = operator.domain(domain!);
  const traffic = (await operator.status()).domains.find((one) => one.domain === name)?.traffic;
  if (!traffic) {
    throw new BanyanError('CONTROL_UNREACHABLE', 'The gateway does not answer, and it is what compares', {
      at: operator.config.name,
    });
  }
  const { shadow, shadowSamples } = traffic;
  const render = (): string =>
    [
      `${name}: ${count(shadow.compared)} compared: ${count(shadow.match)} match, ${count(shadow.differs)} differ, ` +
        `${count(shadow.noise)} noise, ${count(shadow.raced)} raced, ${count(shadow.lag)} lag; ` +
        `${count(shadow.dropped)} dropped, ${count(shadow.failed)} failed`,
      ...shadowSamples.map(
        ({ route, path, monolith, service, count: times }) =>
          `  ${String(times).padStart(5)}  ${route}  ${path}  ${monolith} ≠ ${service}`,
      ),
    ].join('\n');
  output.result('shadow', { domain: name, shadow, samples: shadowSamples }, render, {
    ok: shadow.differs === 0,
  });
  return shadow.differs === 0 ? EXIT.done : EXIT.different;
};
