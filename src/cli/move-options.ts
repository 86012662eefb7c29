// `--to`, `--reads` and `--reason` of promote and rollback.
import type { Stage } from '../kernel/stage.ts';
import type { CommandContext } from './command.ts';
import { parseStage, parseWhole } from './parse.ts';

export interface MoveOptions {
  readonly to?: Stage;
  readonly reads?: number;
  readonly reason?: string;
}

export function moveOf(options: CommandContext['options']): MoveOptions {
  const { to, reads, reason } = options;
  return {
    ...(typeof to === 'string' ? { to: parseStage('to', to) } : {}),
    ...(typeof reads === 'string' ? { reads: parseWhole('reads', reads, 0, 100) } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
  };
}
