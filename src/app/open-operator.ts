// Opens the operator of the system that a config describes.
import type { Config } from './config.ts';
import type { Operator } from './operator.ts';
import { SystemOperator } from './system-operator.ts';
import { controlToken, openChangeLog, openEventLog } from './workspace.ts';

export async function openOperator(config: Config): Promise<Operator> {
  await using opened = new AsyncDisposableStack();
  const eventLog = opened.use(await openEventLog(config));
  const changeLog = opened.use(await openChangeLog(config));
  const token = await controlToken(config);
  const owned = opened.move();
  return new SystemOperator(config, eventLog, changeLog, token, owned);
}
