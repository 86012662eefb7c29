// A folder for one test's files, below the data folder that version control ignores.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join, resolve } from 'node:path';

const DATA = resolve(import.meta.dirname, '../../.data/test');

/** A new one on each call; the caller removes it. */
export function scratchFolder(name: string): string {
  mkdirSync(DATA, { recursive: true });
  return mkdtempSync(join(DATA, `${name}-`));
}
