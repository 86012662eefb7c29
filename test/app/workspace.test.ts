// The data folder that the roles of one machine share: whoever comes first makes it, and all agree on what is in it.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Config, resolveConfig } from '../../src/app/config.ts';
import { controlToken, sessionSecret, workspacePaths } from '../../src/app/workspace.ts';
import { orders } from '../domain/shop.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

let folder: string;
before(() => {
  folder = scratchFolder('workspace');
});
after(() => rmSync(folder, { recursive: true, force: true }));

function configIn(dataDir: string): Config {
  const input = {
    ...{ name: 'shop', source: { url: 'postgresql://nobody@127.0.0.1:9/shop' }, dataDir, domains: [orders] },
    ...{ gateway: { port: 4000, monolith: 'http://127.0.0.1:9' }, services: { orders: { port: 4101 } } },
  };
  return resolveConfig(input, 'banyan.config.ts', folder);
}

test('roles that start in the same moment draw one secret, which nobody else may read', async () => {
  for (let round = 0; round < 30; round += 1) {
    const config = configIn(join(folder, String(round)));
    const [first, ...others] = await Promise.all(Array.from({ length: 12 }, () => controlToken(config)));
    assert.match(first!, /^[\w-]{32}$/);
    assert.deepEqual(new Set(others), new Set([first]), `round ${round}`);
    assert.notEqual(await sessionSecret(config), first);
    assert.equal((await stat(workspacePaths(config).controlToken)).mode & 0o777, 0o600);
  }
});
