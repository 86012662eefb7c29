// What `npm start` takes behind `--`, and what it answers to anything else.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BanyanError } from '../../../src/kernel/error.ts';
import { PROJECT } from '../environment.ts';

export interface DemoOptions {
  readonly exit: boolean;
  readonly json: boolean;
  /** Multiplies the example's data. */
  readonly scale: number;
  readonly dataDir: string;
  readonly environmentFile: string | undefined;
}

const TAKES =
  'npm start -- [--exit] [--json] [--scale 0.1 … 100] [--data-dir folder] [--environment-file file]';

/** Throws USAGE with what it takes. */
export function readOptions(words: readonly string[]): DemoOptions {
  const usage = (what: string): BanyanError => new BanyanError('USAGE', what, { remedy: `Write ${TAKES}.` });
  const parse = () =>
    parseArgs({
      args: [...words],
      options: {
        exit: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        scale: { type: 'string', default: '1' },
        'data-dir': { type: 'string', default: join(PROJECT, '.data/medium') },
        'environment-file': { type: 'string' },
      },
    }).values;
  let values: ReturnType<typeof parse>;
  try {
    values = parse();
  } catch (cause) {
    throw usage(cause instanceof Error ? cause.message.split('. ')[0]! : String(cause));
  }
  const scale = Number(values.scale);
  if (!(scale > 0 && scale <= 100))
    throw usage(`--scale is "${values.scale}"; expected a number above 0, at most 100`);
  return {
    ...{ exit: values.exit, json: values.json, scale, dataDir: values['data-dir'] },
    environmentFile: values['environment-file'],
  };
}
