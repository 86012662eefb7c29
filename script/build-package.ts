// `npm run build`: the package as others install it, plain JavaScript with declarations, because Node strips no types below
// `node_modules`. `dist/` is then what `npm pack ./dist` packs.
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const PROJECT = resolve(import.meta.dirname, '..');

/** Writes the package to `folder`, which is emptied first. */
export function buildPackage(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  execFileSync(
    process.execPath,
    [
      join(PROJECT, 'node_modules/typescript/bin/tsc'),
      '-p',
      join(PROJECT, 'tsconfig.build.json'),
      '--outDir',
      folder,
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  for (const part of ['bin', 'README.md', 'LICENSE', 'CHANGELOG.md', 'docs']) {
    cpSync(join(PROJECT, part), join(folder, part), { recursive: true });
  }
  const source = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as Record<string, unknown>;
  const { name, version, description, license, type, bin, dependencies } = source;
  const manifest = {
    ...{ name, version, description, license, type, bin, dependencies },
    engines: { node: '>=24' },
    exports: {
      '.': { types: './src/index.d.ts', default: './src/index.js' },
      './testing': { types: './src/testing/index.d.ts', default: './src/testing/index.js' },
      './package.json': './package.json',
    },
    sideEffects: false,
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
}

if (import.meta.main) buildPackage(join(PROJECT, 'dist'));
