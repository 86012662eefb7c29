// `banyan run --role …`: one role as a process of its own, until it is told to stop.
import { startCaptureRole } from '../../app/capture-role.ts';
import { startGatewayRole } from '../../app/gateway-role.ts';
import type { Role } from '../../app/role.ts';
import { startServiceRole } from '../../app/service-role.ts';
import { EXIT } from '../../kernel/error.ts';
import type { CommandRun } from '../command.ts';
import { usage } from '../parse.ts';
import { runRoles } from '../run-roles.ts';

export const run: CommandRun = async ({ options, output, signal, config }) => {
  const start = async (): Promise<Role> => {
    switch (options.role) {
      case 'capture':
        return startCaptureRole(await config());
      case 'gateway':
        return startGatewayRole(await config());
      case 'service':
        if (typeof options.domain !== 'string')
          throw usage('--role service needs --domain', 'Name the domain whose service it is.');
        return startServiceRole(await config(), options.domain);
      default:
        throw usage(
          `--role is "${options.role ?? ''}"; expected gateway, capture or service`,
          'See `banyan help run`.',
        );
    }
  };
  await runRoles([await start()], output, signal);
  return EXIT.done;
};
