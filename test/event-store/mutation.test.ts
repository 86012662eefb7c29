// Does the contract bite? Engines that are wrong in one way each, made from the reference engine, must each fail a case.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventStore, LogBatch } from '../../src/event-store/event-store.ts';
import { createMemoryEventStore } from '../../src/event-store/memory/memory-event-store.ts';
import type { Lsn } from '../../src/kernel/lsn.ts';
import { EVENT_STORE_CASES } from '../../src/testing/contract/event-store.ts';

type Mutation = (right: EventStore) => Partial<EventStore>;

const MUTATIONS: Readonly<Record<string, Mutation>> = {
  'expectations are not checked': ({ append }) => ({
    append: (writes, options) =>
      append(
        writes.map((write) => ({ ...write, expected: 'any' })),
        options,
      ),
  }),
  '`none` is not checked': ({ append }) => ({
    append: (writes, options) =>
      append(
        writes.map((write) => (write.expected === 'none' ? { ...write, expected: 'any' } : write)),
        options,
      ),
  }),
  'an append to several streams is split': ({ append }) => ({
    async append(writes, options) {
      for (const write of writes.slice(0, -1)) {
        const outcome = await append([write]);
        if (outcome.outcome !== 'appended') return outcome;
      }
      return append(writes.slice(-1), options);
    },
  }),
  'sources are not fenced': ({ append, sourceProgress }) => ({
    async append(writes, options = {}) {
      const { source } = options;
      if (!source) return append(writes, options);
      const expected = await sourceProgress(source.name);
      return append(writes, { ...options, source: { ...source, expected } });
    },
  }),
  'progress is not stored': ({ append }) => ({
    append: (writes, { source: _, ...options } = {}) => append(writes, options),
  }),
  'idempotency keys are forgotten': ({ append }) => ({
    append: (writes, { idempotencyKey: _, ...options } = {}) => append(writes, options),
  }),
  '`upTo` claims the head before it is read': (right) => ({
    readLog: (options) => changed(right.readLog(options), (batch) => ({ ...batch, upTo: batch.head })),
    subscribe: (options) => changed(right.subscribe(options), (batch) => ({ ...batch, upTo: batch.head })),
  }),
  '`upTo` is the last event given': (right) => ({
    readLog: (options) =>
      changed(right.readLog(options), (batch) => ({
        ...batch,
        upTo: batch.events.at(-1)?.position ?? options.after,
      })),
  }),
  '`after` is inclusive': ({ readLog }) => ({
    readLog: (options) => readLog({ ...options, after: Math.max(0, options.after - 1) }),
  }),
  'the frontier is the progress of now, whatever was read': ({ readLog, subscribe, head }) => {
    const ahead = async (batch: LogBatch): Promise<LogBatch> => {
      const { progress } = await head();
      const frontier: Record<string, Lsn> = Object.fromEntries(progress.map(({ name, lsn }) => [name, lsn]));
      return { ...batch, frontier };
    };
    return {
      readLog: (options) => changed(readLog(options), ahead),
      subscribe: (options) => changed(subscribe(options), ahead),
    };
  },
  'batches of a subscription lose an event now and then': ({ subscribe }) => ({
    subscribe: (options) =>
      changed(subscribe(options), (batch) => ({
        ...batch,
        events: batch.events.filter(({ position }) => position % 50 !== 49),
      })),
  }),
  'readers share what they get': ({ readStream, readLog }) => {
    const shared = new Map<number, LogBatch['events'][number]>();
    const share = (events: LogBatch['events']): LogBatch['events'] =>
      events.map((event) => {
        if (!shared.has(event.position)) shared.set(event.position, event);
        return shared.get(event.position)!;
      });
    return {
      readStream: (stream, options) => changed(readStream(stream, options), share),
      readLog: (options) => changed(readLog(options), (batch) => ({ ...batch, events: share(batch.events) })),
    };
  },
};

test('the same wrapping without a mutation passes', async () => {
  assert.equal(await firstFailure(() => ({})), undefined);
});

for (const [name, mutate] of Object.entries(MUTATIONS)) {
  test(`the contract notices when ${name}`, async () => {
    assert.ok(await firstFailure(mutate), 'no case failed');
  });
}

/** The name of the first case that the mutant fails. */
async function firstFailure(mutate: Mutation): Promise<string | undefined> {
  for (const { name, needs, run } of EVENT_STORE_CASES) {
    if (needs) continue;
    try {
      await run({ open: async () => mutant(mutate), [Symbol.asyncDispose]: async () => undefined });
    } catch {
      return name;
    }
  }
  return undefined;
}

function mutant(mutate: Mutation): EventStore {
  const store = createMemoryEventStore();
  const right: EventStore = {
    identity: store.identity,
    append: (writes, options) => store.append(writes, options),
    readStream: (stream, options) => store.readStream(stream, options),
    readLog: (options) => store.readLog(options),
    subscribe: (options) => store.subscribe(options),
    head: () => store.head(),
    sourceProgress: (name) => store.sourceProgress(name),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
  return { ...right, ...mutate(right) };
}

async function* changed<T>(items: AsyncIterable<T>, change: (item: T) => T | Promise<T>): AsyncGenerator<T> {
  for await (const item of items) yield await change(item);
}
