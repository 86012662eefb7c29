// The README's way for one's own monolith, as it is printed there: its config, and its commands one after another, on a
// monolith that knows nothing of it.
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connectPostgres, type PostgresClient } from '../../src/postgres/connect.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/testing/embedded-postgres.ts';
import { banyan, freePorts } from '../support/banyan-process.ts';
import { banyanCommands, codeBlocks, readmeSection } from '../support/readme.ts';
import { scratchFolder } from '../support/scratch-folder.ts';

const OWN = readmeSection('## Put it in front of your own monolith');

suite('a monolith of one’s own, by the README', () => {
  let folder: string;
  let postgres: EmbeddedPostgres;
  let db: PostgresClient;
  let env: Record<string, string>;
  let gateway: string;
  const monolith = createServer((request, response) => {
    const id = /^\/orders\/(\d+)$/.exec(request.url ?? '')?.[1];
    db.query('SELECT id::text, customer, total FROM orders WHERE id = $1', [id ?? 0]).then(({ rows }) => {
      response.writeHead(rows[0] ? 200 : 404, { 'content-type': 'application/json' });
      response.end(JSON.stringify(rows[0] ?? { error: 'no such order' }));
    });
  });

  before(async () => {
    folder = scratchFolder('readme');
    postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'postgres'), ephemeral: true });
    db = await connectPostgres(postgres.url(), { applicationName: 'monolith' });
    await db.query('CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL, total int NOT NULL)');
    await db.query("INSERT INTO orders SELECT g, 'customer ' || g % 9, g FROM generate_series(1, 500) g");
    await new Promise<void>((done) => monolith.listen(0, '127.0.0.1', done));
    const port = await freePorts();
    gateway = `http://127.0.0.1:${port}`;
    const config = codeBlocks(OWN, 'ts')[0]!
      .replace('port: 4000', `port: ${port}`)
      .replace('port: 4101', `port: ${port + 10}`)
      .replace(':3000', `:${(monolith.address() as AddressInfo).port}`);
    writeFileSync(join(folder, 'banyan.config.ts'), config);
    env = { SHOP_DATABASE_URL: postgres.url() };
  });
  after(async () => {
    monolith.closeAllConnections();
    monolith.close();
    await db?.end();
    await postgres?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('its config is taken, and every command does what its line says', async () => {
    const [doctor, dev, ...rest] = banyanCommands(OWN);
    assert.deepEqual([doctor, dev, rest.length], ['doctor', 'dev', 7]);
    const run = (words: string) =>
      banyan([...words.split(' '), '--config', join(folder, 'banyan.config.ts')], env);
    assert.equal((await run(doctor!).ended).code, 0);
    const running = run(dev!);
    const reading = new AbortController();
    try {
      const isUp = await waitUntil(
        async () => (await fetch(`${gateway}/orders/1`).catch(() => undefined))?.ok,
        {
          timeoutMs: 30_000,
        },
      );
      assert.ok(isUp, 'the monolith answers through the gateway');
      const visitors = visit(reading.signal);
      for (const words of rest) {
        const { code, stdout, stderr } = await run(words).ended;
        assert.equal(code, 0, `banyan ${words}: ${stdout}${stderr}`);
        if (words === 'status') assert.match(stdout, /^orders +reading 1% .*✓$/m);
      }
      reading.abort();
      assert.deepEqual(await visitors, { failed: 0 });
    } finally {
      reading.abort();
      running.child.kill('SIGTERM');
      assert.equal((await running.ended).code, 0);
    }
  });

  /** Reads orders through the gateway, over and over, and changes some at the monolith's database. */
  async function visit(signal: AbortSignal): Promise<{ readonly failed: number }> {
    let failed = 0;
    for (let round = 0; !signal.aborted; round += 1) {
      const id = 1 + ((round * 7) % 510);
      const response = await fetch(`${gateway}/orders/${id}`);
      await response.arrayBuffer();
      if (response.status !== (id > 500 ? 404 : 200)) failed += 1;
      if (round % 10 === 0) await db.query('UPDATE orders SET total = total + 1 WHERE id = $1', [id]);
    }
    return { failed };
  }
});
