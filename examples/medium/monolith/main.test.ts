// The monolith as a process: configured by its environment, it announces its address, keeps its key, stops when told.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/testing/embedded-postgres.ts';

suite('the process', () => {
  const dataDir = fileURLToPath(new URL(`../../../.data/test/medium-main-${process.pid}`, import.meta.url));
  let server: EmbeddedPostgres;
  before(async () => {
    server = await startEmbeddedPostgres({ dataDir, ephemeral: true });
  });
  after(() => server.stop());

  const start = (environment: Readonly<Record<string, string>>): ChildProcess =>
    spawn(process.execPath, [fileURLToPath(new URL('main.ts', import.meta.url))], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });

  async function address(monolith: ChildProcess): Promise<string> {
    const [line] = (await once(createInterface(monolith.stdout!), 'line')) as [string];
    return /^listening (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1] ?? assert.fail(line);
  }

  async function stop(monolith: ChildProcess): Promise<unknown> {
    monolith.kill('SIGTERM');
    const [code] = await once(monolith, 'exit');
    return code;
  }

  test('it serves, stops cleanly, and knows its own tokens after a restart', async () => {
    const keyFile = join(dataDir, 'keys', 'signing-key.json');
    const environment = { DATABASE_URL: server.url(), PORT: '0', MEDIUM_KEY_FILE: keyFile };
    const first = start(environment);
    const firstUrl = await address(first);
    const health = await fetch(`${firstUrl}/healthz`);
    assert.deepEqual(await health.json(), { status: 'ok' });
    const signUp = await fetch(`${firstUrl}/api/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ handle: 'ada', email: 'ada@example.org', password: 'secret!' }),
    });
    const { token } = (await signUp.json()) as { token: string };
    assert.equal(await stop(first), 0);
    assert.equal((await stat(keyFile)).mode & 0o777, 0o600);

    const second = start(environment);
    const me = await fetch(`${await address(second)}/api/me`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(me.status, 200);
    assert.equal(await stop(second), 0);
  });

  test('it says which setting is wrong', async () => {
    for (const [environment, complaint] of [
      [{ DATABASE_URL: '' }, /DATABASE_URL/],
      [{ DATABASE_URL: server.url(), PORT: 'eighty' }, /PORT/],
    ] as const) {
      const monolith = start(environment);
      const [line] = (await once(createInterface(monolith.stderr!), 'line')) as [string];
      assert.match(line, complaint);
    }
  });
});
