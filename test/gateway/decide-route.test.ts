// Who answers: every stage with every kind of request and every freshness, and the promises that hold for all sessions.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bucketOf,
  decideRoute,
  type Freshness,
  type RequestFacts,
  type RouteDecision,
} from '../../src/gateway/decide-route.ts';
import { buildRouteTable, type RouteTable, withRoute } from '../../src/gateway/route-table.ts';
import { parseLsn } from '../../src/kernel/lsn.ts';
import { STAGES, type Stage } from '../../src/kernel/stage.ts';
import { testDomain } from './test-gateway.ts';

const mapped = buildRouteTable([testDomain('posts'), testDomain('claps')]);

function posts(stage: Stage, percent = 0): RouteTable {
  return withRoute(mapped, 'posts', { stage, percent, epoch: 0, revision: 1 });
}

/** A query that would be compared, from a session that wrote nothing. */
const QUERY: RequestFacts = {
  method: 'GET',
  target: '/posts/1',
  hasBody: false,
  sessionKey: 'ann',
  freshness: 'any',
  draw: 0,
  shadowSampleRate: 1,
};
const COMMAND: RequestFacts = { ...QUERY, method: 'POST', target: '/posts' };
const UNCLAIMED: RequestFacts = { ...QUERY, target: '/about' };

function decide(facts: RequestFacts, table: RouteTable): Extract<RouteDecision, { outcome: 'forward' }> {
  const decision = decideRoute(facts, table);
  assert.equal(decision.outcome, 'forward');
  return decision;
}

const sideOf = (facts: RequestFacts, table: RouteTable): string => decide(facts, table).side;

/** `monolith+` is the monolith with its answer compared; a bracket is the least position that the service answers from. */
function shown({ side, placedOn, shadow, minPosition }: ReturnType<typeof decide>): string {
  const least = minPosition === undefined ? '' : `[${minPosition}]`;
  return `${side}${shadow ? '+' : ''}${least}${placedOn === side ? '' : ` for ${placedOn}`}`;
}

const BY_STAGE: readonly (readonly [Stage, number, query: string, fresh: string, infinite: string])[] = [
  ['mapped', 0, 'monolith', 'monolith', 'monolith'],
  ['capturing', 0, 'monolith', 'monolith', 'monolith'],
  ['backfilled', 0, 'monolith', 'monolith', 'monolith'],
  ['shadowing', 0, 'monolith+', 'monolith+', 'monolith+'],
  ['reading', 0, 'monolith+', 'monolith+', 'monolith+'],
  ['reading', 100, 'service', 'service[5]', 'monolith for service'],
];

for (const [stage, percent, query, fresh, infinite] of BY_STAGE) {
  test(`${stage} ${percent} %: a query goes to ${query}, after a write to ${fresh} or ${infinite}; commands and others to the monolith`, () => {
    const table = posts(stage, percent);
    const asked = (freshness: Freshness): string => shown(decide({ ...QUERY, freshness }, table));
    assert.equal(asked('any'), query);
    assert.equal(asked(parseLsn('0/5')), fresh);
    assert.equal(asked('infinite'), infinite);
    for (const freshness of ['any', 'infinite', parseLsn('0/5')] as const) {
      assert.equal(shown(decide({ ...COMMAND, freshness }, table)), 'monolith');
      assert.equal(shown(decide({ ...UNCLAIMED, freshness }, table)), 'monolith');
    }
  });
}

test('the decision says which route claims the request, so that it can be counted', () => {
  const table = posts('reading', 100);
  const claimOf = (facts: RequestFacts) => decide(facts, table).claim;
  assert.deepEqual(claimOf(QUERY), { domain: 'posts', kind: 'query', pattern: 'GET /posts/:id', ignore: [] });
  assert.equal(claimOf(COMMAND)?.kind, 'command');
  assert.equal(claimOf(UNCLAIMED), undefined);
});

test('the query part of a target decides nothing', () => {
  assert.equal(
    sideOf({ ...QUERY, target: '/posts/1?next=/about&x=%2f..%00' }, posts('reading', 100)),
    'service',
  );
  assert.equal(sideOf({ ...UNCLAIMED, target: '/about?next=/posts/1' }, posts('reading', 100)), 'monolith');
});

test('a path that can be read in two ways is refused where one of them is claimed, and only there', () => {
  const table = posts('mapped');
  for (const target of ['/posts/%2e%2e/admin', '/x/../posts/1', '/posts%2f1', '/POSTS/./1'])
    assert.equal(decideRoute({ ...QUERY, target }, table).outcome, 'refuse', target);
  for (const target of ['/files/a%2fb', '/a/../b', '/postscript/./1'])
    assert.equal(sideOf({ ...QUERY, target }, table), 'monolith', target);
});

test('a query with a body stays with the monolith: the body could not be sent to a second side', () => {
  const withBody = { ...QUERY, hasBody: true };
  assert.equal(shown(decide(withBody, posts('reading', 100))), 'monolith');
  assert.equal(shown(decide(withBody, posts('shadowing'))), 'monolith');
});

test('a HEAD goes where its GET goes, and is not compared', () => {
  assert.equal(sideOf({ ...QUERY, method: 'HEAD' }, posts('reading', 100)), 'service');
  assert.equal(shown(decide({ ...QUERY, method: 'HEAD' }, posts('shadowing'))), 'monolith');
});

test('of the monolith’s answers the share of the sample rate is compared, none of the service’s', () => {
  const compared = (draw: number, rate: number): boolean =>
    decide({ ...QUERY, draw, shadowSampleRate: rate }, posts('shadowing')).shadow;
  assert.deepEqual(
    [compared(0.049, 0.05), compared(0.05, 0.05), compared(0, 0), compared(0.999, 1)],
    [true, false, false, true],
  );
  assert.equal(decide(QUERY, posts('reading', 100)).shadow, false);
});

const percent = fc.integer({ min: 0, max: 100 });
const freshness = fc.oneof(
  fc.constantFrom<Freshness>('any', 'infinite'),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value) => value as Freshness),
);
const facts: fc.Arbitrary<RequestFacts> = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'),
  target: fc.constantFrom('/posts/1', '/posts/2?x=1', '/posts', '/claps/1', '/about', '*'),
  hasBody: fc.boolean(),
  sessionKey: fc.string(),
  freshness,
  draw: fc.double({ min: 0, max: 0.999, noNaN: true }),
  shadowSampleRate: fc.double({ min: 0, max: 1, noNaN: true }),
});

test('no request reaches a service but a query without a body of a domain that is reading', () => {
  let toService = 0;
  fc.assert(
    fc.property(facts, fc.constantFrom(...STAGES), percent, (request, stage, share) => {
      const { side, placedOn, claim, minPosition, shadow } = decide(request, posts(stage, share));
      if (side === 'monolith') {
        assert.equal(minPosition, undefined);
        if (shadow) assert.ok(stage === 'shadowing' || stage === 'reading');
        return;
      }
      toService += 1;
      assert.equal(stage, 'reading');
      assert.ok(share > 0);
      assert.equal(placedOn, 'service');
      assert.equal(claim?.domain, 'posts');
      assert.equal(claim.kind, 'query');
      assert.equal(request.hasBody, false);
      assert.notEqual(request.freshness, 'infinite');
      assert.equal(minPosition, request.freshness === 'any' ? undefined : request.freshness);
    }),
    { numRuns: 2_000 },
  );
  assert.ok(toService > 0, 'no request of the property came to a service');
});

test('a session keeps its side at one percentage, and a higher one takes no session back', () => {
  fc.assert(
    fc.property(fc.string(), percent, percent, (sessionKey, a, b) => {
      const at = (share: number): string => sideOf({ ...QUERY, sessionKey }, posts('reading', share));
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      assert.equal(at(low), at(low));
      if (at(low) === 'service') assert.equal(at(high), 'service');
      assert.equal(at(0), 'monolith');
      assert.equal(at(100), 'service');
    }),
    { numRuns: 500 },
  );
});

test('n % takes in the first n hundredths of the places, the last of them included and no more', () => {
  const placed = (bucket: number): string => {
    let session = 0;
    while (bucketOf('posts', `cookie:${session}`) !== bucket) session += 1;
    return `cookie:${session}`;
  };
  const side = (bucket: number, share: number): string =>
    sideOf({ ...QUERY, sessionKey: placed(bucket) }, posts('reading', share));
  assert.deepEqual(
    [side(0, 0), side(99, 1), side(100, 1), side(9_999, 99), side(9_999, 100)],
    ['monolith', 'service', 'monolith', 'monolith', 'service'],
  );
});

test('at n % about n % of the sessions are the service’s', () => {
  const sessions = Array.from({ length: 4_000 }, (_, at) => `cookie:${at}`);
  for (const share of [1, 5, 10, 25, 50, 75, 99]) {
    const table = posts('reading', share);
    const placed = sessions.filter((sessionKey) => sideOf({ ...QUERY, sessionKey }, table) === 'service');
    const measured = (placed.length / sessions.length) * 100;
    // Four standard deviations of the share; the sessions are fixed, so that this holds always or never.
    const tolerance = 400 * Math.sqrt(((share / 100) * (1 - share / 100)) / sessions.length);
    assert.ok(Math.abs(measured - share) <= tolerance, `${measured} % at ${share} %`);
  }
});

test('a session’s place is the same for every gateway and every version, and another one in every domain', () => {
  // Stored nowhere: changing what the bucket is made of would move sessions that are being served.
  assert.deepEqual(
    ['ann', 'bob', 'cookie:1'].map((sessionKey) => bucketOf('posts', sessionKey)),
    [451, 4_701, 2_901],
  );
  const sessions = Array.from({ length: 1_000 }, (_, at) => `cookie:${at}`);
  const inBoth = sessions.filter((key) => bucketOf('posts', key) < 1_000 && bucketOf('claps', key) < 1_000);
  assert.ok(
    inBoth.length < 30,
    `${inBoth.length} of 1,000 sessions are among the first tenth of both domains`,
  );
});
