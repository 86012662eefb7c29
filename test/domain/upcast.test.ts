// Events whose shape has changed: stored as they were, read as they are now, by projections and by deciders.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changed, defineDecider, defineDomain, defineEvents, defineSource, int, table, text } from 'banyan';
import { z } from 'zod';
import { upcast } from '../../src/domain/upcast.ts';

/** Version 1 had one name; version 2 two; version 3 has the names and how often they were changed. */
const memberEvents = defineEvents({
  MemberNamed: changed(z.object({ first: z.string(), last: z.string(), times: z.number() }), {
    1: ({ name }: { readonly name: string }) => {
      const [first = '', ...rest] = name.split(' ');
      return { first, last: rest.join(' ') };
    },
    2: (data: { readonly first: string; readonly last: string }) => ({ ...data, times: 1 }),
  }),
  MemberLeft: z.object({}),
});

const stored = (schemaVersion: number, data: unknown) => ({ type: 'MemberNamed', schemaVersion, data });

test('data of every older version is brought up to the present one, step by step; the stored event stays', () => {
  const oldest = stored(1, { name: 'Ann Lee Miller' });
  const present = { first: 'Ann', last: 'Lee Miller', times: 1 };
  assert.deepEqual(upcast(memberEvents, oldest), stored(3, present));
  assert.deepEqual(oldest, stored(1, { name: 'Ann Lee Miller' }));
  assert.deepEqual(upcast(memberEvents, stored(2, { first: 'Ann', last: 'Lee' })).data, {
    ...{ first: 'Ann', last: 'Lee', times: 1 },
  });
  const now = stored(3, { first: 'Ann', last: 'Lee', times: 9 });
  assert.equal(upcast(memberEvents, now), now);
});

test('an event of a version that is not known yet is refused; one of a type that is not known stays', () => {
  assert.throws(() => upcast(memberEvents, stored(4, {})), { code: 'EVENT_TOO_NEW' });
  assert.throws(() => upcast(memberEvents, { type: 'MemberLeft', schemaVersion: 2, data: {} }), {
    ...{ code: 'EVENT_TOO_NEW', message: /MemberLeft is stored in version 2; this program knows version 1/ },
  });
  const other = { type: 'toString', schemaVersion: 7, data: {} };
  assert.equal(upcast(memberEvents, other), other);
});

test('a version that is left out is refused where it is defined', () => {
  const schema = z.object({});
  for (const upcasts of [{ 2: () => ({}) }, { 1: () => ({}), 3: () => ({}) }, { 0: () => ({}) }]) {
    assert.throws(() => defineEvents({ MemberNamed: changed(schema, upcasts) }), {
      ...{ code: 'CONFIG_INVALID', message: /MemberNamed does not say how its version \d is read/ },
    });
  }
  assert.equal(memberEvents.MemberNamed.version, 3);
  assert.equal(memberEvents.MemberLeft.version, 1);
});

test('handlers of a projection, and deciders, see the present version alone', () => {
  const seen: unknown[] = [];
  const { projection } = defineDomain({
    name: 'members',
    source: defineSource({ name: 'app', tables: { members: { key: ['id'], columns: { id: text() } } } }),
    events: memberEvents,
    capture: {},
    projection: {
      version: 1,
      tables: { members: table({ key: ['id'], columns: { id: text(), times: int() } }) },
      on: {
        MemberNamed: ({ data, schemaVersion }) => void seen.push([data.last, data.times, schemaVersion]),
      },
    },
    queries: {},
    commands: [],
  });
  void projection.on.MemberNamed!(stored(1, { name: 'Ann Lee' }) as never, {});
  assert.deepEqual(seen, [['Lee', 1, 3]]);

  const member = defineDecider({
    category: 'member',
    events: memberEvents,
    initial: '',
    evolve: { MemberNamed: (_, { first, last }) => `${first}+${last}`, MemberLeft: () => 'gone' },
    commands: {},
  });
  assert.equal(member.evolve('', stored(2, { first: 'Ann', last: 'Lee' })), 'Ann+Lee');
  assert.equal(member.evolve('', { type: 'MemberNamed', data: { first: 'A', last: 'B', times: 2 } }), 'A+B');
});
