// `banyan dev`: capture, every service and the gateway in one process.
import { startCaptureRole } from '../../app/capture-role.ts';
import { startGatewayRole } from '../../app/gateway-role.ts';
import type { Role } from '../../app/role.ts';
import { startServiceRole } from '../../app/service-role.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';
import { runRoles } from '../run-roles.ts';

export const run: CommandRun = async ({ output, signal, config: load }) => {
  const config = await load();
  const roles: Role[] = [];
  try {
    roles.push(await startCaptureRole(config));
    for (const domain of config.domains) roles.push(await startServiceRole(config, domain.name));
    roles.push(await startGatewayRole(config));
  } catch (error) {
    await Promise.allSettled(roles.map((role) => role[Symbol.asyncDispose]()));
    throw error;
  }
  await runRoles(roles, output, signal);
  return EXIT.done;
};
