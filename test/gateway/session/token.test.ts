// The read-your-writes token: says what was put in, only to who has the secret; and what several of them ask for together.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReadYourWrites } from '../../../src/gateway/session/read-your-writes.ts';
import { identifySession, type Session } from '../../../src/gateway/session/session.ts';
import { laterEntry, TokenCodec, type TokenEntry } from '../../../src/gateway/session/token.ts';
import { type Lsn, lsn, parseLsn } from '../../../src/kernel/lsn.ts';
import { TestSource } from '../test-gateway.ts';

const SECRET = 'a secret of the tests';
const codec = new TokenCodec(SECRET);

const name = fc.string({ unit: 'grapheme', maxLength: 8 });
const place = fc.oneof(
  { weight: 1, arbitrary: fc.constant('infinite' as const) },
  { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(lsn) },
);
const entry: fc.Arbitrary<TokenEntry> = fc.record(
  { source: name, history: name, epoch: fc.nat(), lsn: place },
  { noNullPrototype: true },
);

const ENTRY: TokenEntry = { source: 'app', history: '7512.1', epoch: 0, lsn: parseLsn('16/B374D848') };

test('what is put into a token comes out of it, whatever the names hold', () => {
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 3 }), (entries) => {
      const token = codec.encode(entries);
      // Once checked and once remembered.
      assert.deepEqual(codec.decode(token), entries);
      assert.deepEqual(codec.decode(token), entries);
    }),
  );
});

test('a token may stand in a cookie and in a header, and another gateway with the secret reads it', () => {
  const token = codec.encode([ENTRY, { ...ENTRY, source: 'other; Path=/\r\n', lsn: 'infinite' }]);
  assert.match(token, /^[\w.-]+$/);
  assert.deepEqual(new TokenCodec(SECRET).decode(token), codec.decode(token));
});

test('of more than eight entries the newest eight are told, and they fit', () => {
  const entries = Array.from({ length: 10 }, (_, at) => ({
    ...{ source: `a-source-of-some-name-${at}`, history: '7512345678901234567.12', epoch: 99 },
    lsn: lsn(2n ** 64n - 1n),
  }));
  assert.deepEqual(codec.decode(codec.encode(entries)), entries.slice(2));
});

test('a token that was changed anywhere says nothing, or still only what was signed', () => {
  const entries = [ENTRY];
  const token = codec.encode(entries);
  const signature = token.lastIndexOf('.') + 1;
  fc.assert(
    fc.property(
      fc.nat({ max: token.length - 1 }),
      fc.constantFrom(...'Az09-_.~=+/ ,:%'),
      fc.constantFrom('replace', 'insert', 'cut'),
      (at, letter, how) => {
        const changed =
          how === 'cut'
            ? token.slice(0, at)
            : token.slice(0, at) + letter + token.slice(how === 'replace' ? at + 1 : at);
        if (changed === token) return;
        const said = codec.decode(changed);
        // Base64 writes the same signature in several ways.
        if (said.length > 0 && at >= signature) assert.deepEqual(said, entries);
        else assert.deepEqual(said, [], changed);
      },
    ),
    { numRuns: 1_000 },
  );
});

test('no part of one token is worth anything with a part of another', () => {
  const [version, payload, mac] = codec.encode([ENTRY]).split('.');
  const [, otherPayload, otherMac] = codec.encode([{ ...ENTRY, lsn: 'infinite' }]).split('.');
  for (const token of [
    `${version}.${otherPayload}.${mac}`,
    `${version}.${payload}.${otherMac}`,
    `${version}.${payload}.`,
    `${version}.${payload}`,
    `${version}..${mac}`,
    `${version}.${payload}.${mac}.${mac}`,
  ])
    assert.deepEqual(codec.decode(token), [], token);
});

test('a token of another version says nothing, though the secret signed it', () => {
  const body = codec.encode([ENTRY]).split('.').slice(0, 2).join('.').replace('v1', 'v2');
  const mac = createHmac('sha256', SECRET).update(body).digest().subarray(0, 16);
  assert.deepEqual(codec.decode(`${body}.${mac.toString('base64url')}`), []);
});

test('a token of another secret says nothing, also when it was shown before', () => {
  const foreign = new TokenCodec('another secret').encode([ENTRY]);
  assert.deepEqual(codec.decode(foreign), []);
  assert.deepEqual(codec.decode(foreign), []);
});

test('garbage says nothing and breaks nothing', () => {
  fc.assert(
    fc.property(fc.string(), (text) => assert.deepEqual(codec.decode(text), [])),
    { examples: [[''], ['v1..'], ['v1.x.y'], [`v1.${'A'.repeat(100_000)}.x`], ['null'], ['\0\ud800🌳']] },
  );
});

test('a signed token beyond the bound is not looked at', () => {
  const long = codec.encode([{ ...ENTRY, history: 'x'.repeat(1_000) }]);
  assert.ok(long.length > 1_024);
  assert.deepEqual(codec.decode(long), []);
});

test('the later of two entries does not depend on their order: epoch first, then place, and `infinite` is behind every place', () => {
  const rank = ({ epoch, lsn: at }: TokenEntry): readonly [number, bigint] => [
    epoch,
    at === 'infinite' ? 2n ** 64n : at,
  ];
  const small = fc.record({
    ...{ source: fc.constant('app'), history: fc.constant('h') },
    epoch: fc.nat({ max: 2 }),
    lsn: fc.oneof(fc.constant('infinite' as const), fc.bigInt({ min: 0n, max: 3n }).map(lsn)),
  });
  fc.assert(
    fc.property(small, small, (a, b) => {
      const [epoch, at] = rank(laterEntry(a, b));
      assert.deepEqual(rank(laterEntry(b, a)), [epoch, at]);
      for (const [otherEpoch, otherAt] of [rank(a), rank(b)])
        assert.ok(epoch > otherEpoch || (epoch === otherEpoch && at >= otherAt));
    }),
    { numRuns: 300 },
  );
});

/** A session's needs as a gateway would see them, with the source's history known. */
async function gatewayMemory(): Promise<ReadYourWrites> {
  const memory = new ReadYourWrites({
    ...{ sourceName: 'app', sourcePosition: new TestSource(), secret: SECRET },
    ...{ sessions: 10, positionMs: 1_000 },
  });
  await memory.sampler.sample();
  return memory;
}

function showing(...tokens: readonly string[]): Session {
  return identifySession({
    authorization: undefined,
    cookie: tokens.map((token) => `banyan-token=${token}`).join('; '),
    token: undefined,
  });
}

const at = (position: bigint, more: Partial<TokenEntry> = {}): TokenEntry => ({
  ...{ source: 'app', history: 'history-1', epoch: 0, lsn: lsn(position) },
  ...more,
});

test('the positions that a session shows for a source ask for their greatest, in whatever token they come', async () => {
  const memory = await gatewayMemory();
  const asked = (...tokens: readonly (readonly TokenEntry[])[]): unknown =>
    memory.freshness(showing(...tokens.map((entries) => codec.encode(entries))));
  assert.equal(asked(), 'any');
  assert.equal(asked([at(5n)]), 5n);
  assert.equal(asked([at(5n), at(9n)], [at(7n)]), 9n);
  assert.equal(asked([at(7n)], [at(9n), at(5n)]), 9n);
  assert.equal(asked([at(5n)], [at(999n, { source: 'another database' })]), 5n);
  assert.equal(asked([at(5n), at(0n, { lsn: 'infinite' })]), 'infinite');
  assert.equal(asked([at(0n, { lsn: 'infinite' })], [at(5n)]), 'infinite');
  assert.equal(asked([at(5n, { history: 'before the fail-over' })]), 'infinite');
});

test('what did not come from this gateway’s secret asks for nothing', async () => {
  const memory = await gatewayMemory();
  const foreign = new TokenCodec('another secret').encode([at(2n ** 63n)]);
  const own = codec.encode([at(5n)]);
  const cut: Lsn | string = memory.freshness(showing(foreign, 'garbage', own.slice(0, -6)));
  assert.equal(cut, 'any');
  assert.equal(memory.freshness(showing(foreign, own)), 5n);
});
