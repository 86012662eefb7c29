// The whole way under traffic: a running monolith's reads moved to four services, and what must hold from then on.
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, suite, test } from 'node:test';
import { verifyAll } from '../../examples/medium/demo/story.ts';
import { DOMAIN_NAMES, type DomainName, PROJECT } from '../../examples/medium/environment.ts';
import type { TrafficStats } from '../../examples/medium/traffic/traffic-record.ts';
import { workspacePaths } from '../../src/app/workspace.ts';
import { queryText } from '../../src/postgres/connect.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { banyan } from '../support/banyan-process.ts';
import { banyanCommands, readmeSection } from '../support/readme.ts';
import { foldLog, readTables } from './fold-log.ts';
import { differences, queryPaths } from './pages.ts';
import { never, type Page, quiet, type RunningMedium, startMedium } from './running-medium.ts';

const PAGE_OF: Readonly<Record<DomainName, string>> = {
  profiles: '/api/members/no-such-member',
  posts: '/api/feed',
  claps: '/api/posts/1/clappers',
  publications: '/api/publications',
};
const ONE_PAGE_OF_EACH = ['/api/feed', '/api/posts/1/clappers', '/api/publications', '/api/members/nobody'];

function assertNobodyWasFailed(seen: TrafficStats): void {
  const { requestsFailed, readYourWritesViolated, monotonicReadsViolated } = seen;
  assert.deepEqual(
    { requestsFailed, readYourWritesViolated, monotonicReadsViolated },
    { requestsFailed: 0, readYourWritesViolated: 0, monotonicReadsViolated: 0 },
    JSON.stringify([seen.failureSamples, seen.violationSamples], null, 2),
  );
  assert.ok(seen.readYourWritesChecked > 0, 'nobody looked for an own write');
}

suite('reads moved under traffic', () => {
  let medium: RunningMedium;
  before(async () => {
    medium = await startMedium('reads-moved');
  });
  after(async () => {
    await medium?.[Symbol.asyncDispose]();
  });

  test('no request fails, every session sees its own writes, and no row differs', async () => {
    const { result, seen } = await medium.underTraffic(1_500, async () => {
      const told = await medium.moveReads();
      return { told, verified: await verifyAll(medium.operator, quiet, never) };
    });
    assertNobodyWasFailed(seen);
    assert.deepEqual(
      result.told.domains.map(({ name, stage, percent }) => `${name} ${stage} ${percent}`).sort(),
      ['claps reading 100', 'posts reading 100', 'profiles reading 100', 'publications reading 100'],
    );
    assert.ok(seen.bySide.service > 300 && seen.bySide.monolith > 300, JSON.stringify(seen.bySide));
    assert.ok(result.verified.rowsVerified > 10_000);
    assert.equal(result.verified.rowsDiffering, 0, JSON.stringify(result.verified.samples));
    const traffic = (await medium.operator.status()).domains.map((domain) => domain.traffic!.shadow);
    assert.ok(traffic.every(({ compared, differs }) => compared > 0 && differs === 0));
  });

  test('the commands that the README shows do what it says', async () => {
    const env = { MEDIUM_ENVIRONMENT: medium.machine.environmentFile };
    const config = ['--config', join(PROJECT, 'examples/medium/banyan.config.ts')];
    const commands = banyanCommands(readmeSection('## Try it: two commands'));
    assert.equal(commands.length, 5);
    await medium.underTraffic(100, async () => {
      for (const words of commands) {
        // Following the log has no end of its own.
        const bound = words === 'events tail' ? ['--limit', '3'] : [];
        const { code, stdout, stderr } = await banyan([...words.split(' '), ...bound, ...config], env).ended;
        assert.equal(code, 0, `banyan ${words}: ${stdout}${stderr}`);
      }
      assert.equal((await medium.operator.migration('posts')).route.stage, 'shadowing');
      const again = { to: 'reading', reads: 100, waitForGatesMs: 60_000, signal: never } as const;
      assert.equal((await medium.operator.promote('posts', again)).outcome, 'moved');
    });
  });

  test("the log, folded, is the monolith's tables", async () => {
    await medium.settled();
    assert.deepEqual(await foldLog(medium.config), await readTables(medium.db));
  });

  test('a service answers every query with the JSON that the monolith gives', async () => {
    const found = await differences(medium);
    assert.ok(found.compared > 150, `only ${found.compared} pages compared`);
    assert.deepEqual(found.different, []);
  });

  test('with the posts service killed, the others answer everything, and posts falls back and returns', async () => {
    const { seen } = await medium.underTraffic(600, async () => {
      await medium.machine.role('service posts').kill();
      const pages = await Promise.all((await queryPaths(medium)).map((path) => medium.get(path)));
      assert.deepEqual(
        pages.filter(({ status }) => status >= 500),
        [],
      );
      const sides = await Promise.all(ONE_PAGE_OF_EACH.map((path) => medium.get(path)));
      assert.deepEqual(
        sides.map(({ side }) => side),
        ['monolith', 'service', 'service', 'service'],
      );
      await medium.machine.startRole('service posts');
      const isBack = await waitUntil(async () => (await medium.get('/api/feed')).side === 'service', {
        ...{ timeoutMs: 30_000, everyMs: 50 },
      });
      assert.ok(isBack, 'the feed is answered by the service again');
    });
    assertNobodyWasFailed(seen);
  });

  for (const domain of DOMAIN_NAMES) {
    test(`the store of ${domain}, wiped, is rebuilt to identical rows while the gateway answers`, async () => {
      await medium.settled();
      const { operator, machine } = medium;
      const store = workspacePaths(medium.config).store(domain);
      const before = liveRows(store);
      const reading = new AbortController();
      const answered = readUntil(reading.signal, () => medium.get(PAGE_OF[domain]));

      await machine.role(`service ${domain}`).stop();
      rmSync(store, { recursive: true });
      await machine.startRole(`service ${domain}`);
      const isLive = async (): Promise<boolean> => (await medium.serviceStatus(domain)).state === 'live';
      assert.ok(await waitUntil(isLive, { timeoutMs: 60_000, everyMs: 20 }));
      assert.deepEqual(liveRows(store), before);

      // And once more in place: the old store answers until the new one has caught up.
      await operator.rebuild(domain, { signal: never, timeoutMs: 60_000 });
      assert.deepEqual(liveRows(store), before);

      reading.abort();
      const pages = await answered;
      assert.ok(pages.length > 10, `only ${pages.length} pages were asked for meanwhile`);
      assert.deepEqual(new Set(pages.map(({ status, body }) => `${status} ${body}`)).size, 1);
    });
  }

  test('one command back at every stage, down to mapped; forward again, the stores equal the tables', async () => {
    const { operator } = medium;
    const { seen } = await medium.underTraffic(1_000, async () => {
      const back: string[] = [];
      for (let round = 0; round < 4; round += 1) {
        for (const domain of DOMAIN_NAMES) {
          const { outcome, stage, percent } = await operator.rollback(domain, { signal: never });
          assert.equal(outcome, 'moved');
          if (domain === 'posts') back.push(`${stage} ${percent}`);
        }
      }
      assert.deepEqual(back, ['shadowing 0', 'backfilled 0', 'capturing 0', 'mapped 0']);
      await assert.rejects(operator.rollback('posts', { signal: never }), { code: 'TRANSITION_REFUSED' });
      // What is written now, nobody captures: the next copy has to find it.
      await queryText(medium.db, "update members set name = name || ' the Unseen' where id % 7 = 0");
      await queryText(medium.db, 'delete from claps where post_id % 5 = 0');
      await medium.moveReads();
      const verified = await verifyAll(operator, quiet, never);
      assert.ok(verified.rowsVerified > 5_000);
      assert.equal(verified.rowsDiffering, 0, JSON.stringify(verified.samples));
    });
    assertNobodyWasFailed(seen);
  });

  test('with the monolith stopped, every read of the migrated domains is still answered', async () => {
    await medium.settled();
    const paths = await queryPaths(medium);
    const token = await medium.logIn(1);
    await medium.machine.monolith.stop();
    for (const path of paths) {
      const page = await medium.get(path, { token });
      assert.equal(page.side, 'service', path);
      assert.ok(page.status < 500, `${path}: ${page.status} ${page.body}`);
    }
  });
});

/** Asks again and again; answers what came. */
async function readUntil(signal: AbortSignal, read: () => Promise<Page>): Promise<readonly Page[]> {
  const pages: Page[] = [];
  while (!signal.aborted) pages.push(await read());
  return pages;
}

/** Every row of every table of the store that is in use. */
function liveRows(folder: string): Readonly<Record<string, readonly unknown[]>> {
  const number = readFileSync(join(folder, 'live'), 'utf8');
  using store = new DatabaseSync(join(folder, `${number}.db`), { readOnly: true });
  const tables = store
    .prepare("select name from sqlite_schema where type = 'table' and name not like 'banyan_%' order by name")
    .all();
  assert.ok(tables.length > 2);
  return Object.fromEntries(
    tables.map(({ name }) => [
      String(name),
      store
        .prepare(`select * from "${name}"`)
        .all()
        .map((row) => JSON.stringify(row))
        .sort(),
    ]),
  );
}
