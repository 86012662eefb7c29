// A change log written by hand, and a translation at work on it: what capture and a backfill would append, without either.
import assert from 'node:assert/strict';
import {
  CHUNK_MARK,
  type Change,
  type ChunkRead,
  type Relation,
  type SourceTransaction,
  sourceStream,
  TABLE_BACKFILLED_MARK,
  type TableOpened,
  tableStream,
} from '../../src/capture/change.ts';
import type { Domain, Projection, TableMapping } from '../../src/domain/domain.ts';
import { createMemoryEventStore } from '../../src/event-store/memory/memory-event-store.ts';
import type { RecordedEvent } from '../../src/kernel/event.ts';
import { lsn, parseLsn } from '../../src/kernel/lsn.ts';
import { uuidv7 } from '../../src/kernel/uuid.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { waitUntil } from '../../src/runtime/wait.ts';
import { openSqliteTranslationState } from '../../src/translation/sqlite/sqlite-translation-state.ts';
import { runTranslation } from '../../src/translation/translation.ts';
import type { TranslationFigures } from '../../src/translation/translation-state.ts';

export const SOURCE = 'shop';
/** Line items: many rows of the table are one stream. */
export const LINE: Relation = {
  id: '7.1',
  schema: 'public',
  table: 'lines',
  replicaIdentity: 'default',
  columns: [
    { name: 'id', typeOid: 20, isKey: true },
    { name: 'order_id', typeOid: 20, isKey: false },
    { name: 'amount', typeOid: 23, isKey: false },
  ],
};

export const insert = (...row: readonly string[]): Change => ({ op: 'insert', relation: LINE.id, row });
export const update = (...row: readonly string[]): Change => ({ op: 'update', relation: LINE.id, row });

/** An event's schema takes what is not negative. */
const positive = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: (value: unknown) =>
      (value as { readonly amount: number }).amount >= 0
        ? { value }
        : { issues: [{ message: 'must not be negative', path: ['amount'] }] },
  },
} as const;

export const tellLines: TableMapping = {
  stream: (row) => `order-${String(row.order_id)}`,
  insert: (emit, row) => emit.LineAdded!(row as never),
  update: (emit, row) => emit.LineChanged!(row as never),
  delete: () => null,
  backfill: (emit, row) => emit.LineAdded!(row as never),
};

export function linesDomain(mapping: TableMapping = tellLines): Domain {
  const type = { schema: positive, version: 3, upcasts: [] };
  const columns = { id: 'bigint', order_id: 'bigint', amount: 'int' } as const;
  const projection: Projection = { name: 'lines', version: 1, tables: {}, on: {} };
  return {
    name: 'lines',
    events: { LineAdded: type, LineChanged: type },
    capture: {
      source: {
        name: SOURCE,
        tables: {
          lines: {
            ...{ schema: 'public', table: 'lines', key: ['id'] },
            columns: Object.fromEntries(
              Object.entries(columns).map(([name, kind]) => [name, { kind, isNullable: false }]),
            ),
          },
        },
      },
      tables: { lines: mapping },
    },
    listensTo: [],
    projection,
    queries: {},
    commands: [],
  };
}

export class WrittenChangeLog implements AsyncDisposable {
  readonly changeLog = createMemoryEventStore();
  readonly eventLog = createMemoryEventStore();
  readonly #state = openSqliteTranslationState(':memory:');
  #xid = 100;

  async openTable(generation: number): Promise<void> {
    await this.#append(tableStream(SOURCE, 'lines'), 'TableOpened', {
      ...{ table: 'lines', generation },
    } satisfies TableOpened);
  }

  /** One transaction, with the relation announced in it; answers its id. */
  async commit(...changes: readonly Change[]): Promise<number> {
    this.#xid += 1;
    const at = lsn(BigInt(this.#xid) * 16n);
    const text = `0/${at.toString(16)}`;
    const data: SourceTransaction = {
      ...{ xid: this.#xid, commitLsn: text, endLsn: text, committedAt: '2026-11-23T10:00:00.000Z' },
      ...{ relations: [LINE], changes },
    };
    const expected = await this.changeLog.sourceProgress(SOURCE);
    await this.#append(sourceStream(SOURCE), 'TransactionCaptured', data, {
      source: { name: SOURCE, lsn: parseLsn(text), position: 0, expected },
    });
    return this.#xid;
  }

  async chunk(
    generation: number,
    chunk: number,
    snapshot: string,
    ...rows: readonly (readonly string[])[]
  ): Promise<void> {
    const columns = LINE.columns.map(({ name }) => name);
    const data: ChunkRead = { ...{ table: 'lines', generation, chunk, snapshot }, columns, rows };
    const version = await this.#append(tableStream(SOURCE, 'lines'), 'ChunkRead', data);
    const mark = JSON.stringify({ table: 'lines', generation, chunk, version });
    await this.commit({ op: 'message', prefix: CHUNK_MARK, content: mark });
  }

  async complete(generation: number, chunks: number): Promise<void> {
    const content = JSON.stringify({ table: 'lines', generation, chunks });
    await this.commit({ op: 'message', prefix: TABLE_BACKFILLED_MARK, content });
  }

  /** Translates what is there, and stops: each call is a start, with the mapping that is deployed then. */
  async translate(mapping?: TableMapping): Promise<void> {
    const stop = new AbortController();
    const { changeLog, eventLog } = this;
    const running = runTranslation({
      ...{ changeLog, eventLog, domains: [linesDomain(mapping)], source: SOURCE, state: this.#state },
      ...{ signal: stop.signal, log: silentLog },
    });
    const head = (await changeLog.head()).position;
    const isDone = waitUntil(() => this.#state.checkpoint >= head, {
      ...{ timeoutMs: 10_000, everyMs: 1 },
      signal: stop.signal,
    });
    await Promise.race([running, isDone]).finally(() => stop.abort());
    await running;
    assert.ok(this.#state.checkpoint >= head, 'all of the change log was translated');
  }

  figures(): TranslationFigures {
    return this.#state.figures();
  }

  async events(): Promise<readonly RecordedEvent[]> {
    const all: RecordedEvent[] = [];
    for await (const { events } of this.eventLog.readLog({ after: 0 })) all.push(...events);
    return all;
  }

  /** `LineAdded 1 10`: type, row and amount. */
  async told(): Promise<readonly string[]> {
    return (await this.events()).map(({ type, data }) => {
      const { id, amount } = data as { readonly id: string; readonly amount: number };
      return `${type} ${id} ${amount}`;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state[Symbol.dispose]();
    await this.changeLog[Symbol.asyncDispose]();
    await this.eventLog[Symbol.asyncDispose]();
  }

  async #append(
    stream: string,
    type: string,
    data: unknown,
    options: Parameters<EventStoreAppend>[1] = {},
  ): Promise<number> {
    const event = { id: uuidv7(), type, time: '2026-11-23T10:00:00.000Z', schemaVersion: 1, data };
    const outcome = await this.changeLog.append(
      [{ stream, expected: 'any', events: [{ ...event, meta: { origin: 'capture' } }] }],
      options,
    );
    assert.equal(outcome.outcome, 'appended');
    return outcome.outcome === 'appended' ? outcome.versions[stream]! : 0;
  }
}

type EventStoreAppend = ReturnType<typeof createMemoryEventStore>['append'];
