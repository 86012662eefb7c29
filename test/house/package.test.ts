// The package as another project installs it: built, under its `node_modules`, with that project's own TypeScript over it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { promisify } from 'node:util';
import { buildPackage } from '../../script/build-package.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const PROJECT = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

const CONFIG = `import { defineConfig } from 'banyan';
import { orders } from './shop.ts';

export default defineConfig({
  name: 'shop',
  source: { url: 'postgresql://nobody@127.0.0.1:9/shop' },
  gateway: { port: 24000, monolith: 'http://127.0.0.1:9' },
  domains: [orders],
  services: { orders: { port: 24101 } },
});
`;

const STRICT = {
  ...{ noEmit: true, strict: true, module: 'nodenext', target: 'esnext', types: ['node'] },
  allowImportingTsExtensions: true,
};

suite('the package in a project of its own', () => {
  let folder: string;
  before(() => {
    folder = scratchFolder('package');
    // Its dependencies are found above, where those of this project are.
    buildPackage(join(folder, 'node_modules/banyan'));
    cpSync(join(PROJECT, 'test/domain/shop.ts'), join(folder, 'shop.ts'));
    writeFileSync(join(folder, 'banyan.config.ts'), CONFIG);
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }\n');
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: STRICT }));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const banyan = (...words: readonly string[]): ReturnType<typeof run> =>
    run(process.execPath, [join(folder, 'node_modules/banyan/bin/banyan.js'), ...words], { cwd: folder });

  test('its command runs, and loads a config that imports it', async () => {
    const { version } = JSON.parse(
      String(
        (
          await run(process.execPath, ['-p', `JSON.stringify(require('banyan/package.json'))`], {
            cwd: folder,
          })
        ).stdout,
      ),
    ) as { readonly version: string };
    assert.equal(String((await banyan('version')).stdout).trim(), version);
    const { stdout } = await banyan('status', '--json');
    const { data } = JSON.parse(String(stdout)) as { data: { domains: readonly { domain: string }[] } };
    assert.deepEqual(
      data.domains.map(({ domain }) => domain),
      ['orders'],
    );
  });

  test("its declarations type the project's own code, and a typo is an error there", async () => {
    const compile = (): Promise<string> =>
      run(process.execPath, [join(PROJECT, 'node_modules/typescript/bin/tsc')], { cwd: folder }).then(
        ({ stdout }) => String(stdout),
        ({ stdout }: { readonly stdout: string }) => stdout,
      );
    assert.equal(await compile(), '');
    writeFileSync(join(folder, 'banyan.config.ts'), CONFIG.replace('services:', 'service:'));
    assert.match(await compile(), /banyan\.config\.ts\(\d+,\d+\): error TS2561: .*'service' does not exist/);
  });
});
