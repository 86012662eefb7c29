// One table's copy at work beside its changes: a simulated source, the merge on a real state, and what was told of each row
// against what happened to it.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { RawRow } from '../../src/domain/decode-row.ts';
import { Merge } from '../../src/translation/merge.ts';
import type { Snapshot } from '../../src/translation/snapshot.ts';
import { openSqliteTranslationState } from '../../src/translation/sqlite/sqlite-translation-state.ts';
import { keyText, type Operation, type Row, SimulatedTable } from './simulated-table.ts';

export type Step =
  | { readonly step: 'commit'; readonly operations: readonly Operation[]; readonly pick: number }
  | { readonly step: 'reveal' | 'read' | 'mark' | 'break' | 'retry'; readonly pick: number };

const TABLE = 'things';

export class CopyUnderTest implements Disposable {
  readonly #source = new SimulatedTable();
  readonly #state = openSqliteTranslationState(':memory:');
  /** Keys whose mapping throws. */
  readonly #broken = new Set<string>();
  readonly #told = new Map<string, { what: string; row: Row | null }[]>();
  /** Per key, how much had been told when the last copy began. */
  readonly #begun = new Map<string, number>();
  readonly #chunks = new Map<number, { readonly snapshot: Snapshot; readonly rows: readonly Row[] }>();
  readonly #marked = new Set<number>();
  readonly #merge: Merge;
  readonly #faults: string[] = [];
  /** The greatest key of each range; keys above the last arrive by the log alone. */
  #uppers: readonly number[] = [];
  #generation = 0;

  constructor() {
    this.#state.begin();
    this.#merge = new Merge(this.#state, {
      columns: () => ['id', 'version', 'note'],
      onParked: () => undefined,
      tell: (_table, key, telling) => {
        if (this.#broken.has(key)) throw new Error('the mapping is broken');
        const told = this.#told.get(key) ?? [];
        const last = told.at(-1)?.row ?? null;
        const isFirst = telling.op === 'insert' || telling.op === 'backfill';
        if (isFirst !== (last === null)) this.#faults.push(`${telling.op} of ${key} after ${last?.version}`);
        if ('before' in telling && !isDeepStrictEqual(telling.before, last))
          this.#faults.push(`${telling.op} of ${key} with another row before than ${last?.version}`);
        const row = telling.op === 'delete' ? null : rowOf(telling.row);
        told.push({ what: row?.version ?? 'gone', row });
        this.#told.set(key, told);
      },
    });
  }

  /** The table enters the publication, and a copy of it begins. */
  open(): void {
    this.#generation += 1;
    this.#chunks.clear();
    this.#marked.clear();
    const greatest = Math.max(-1, ...[...this.#source.rows.values()].map(({ id }) => Number(id)));
    this.#uppers = [...[1, 3].filter((upper) => upper < greatest), greatest];
    this.#source.nextPosition();
    this.#merge.openTable(TABLE, this.#generation);
  }

  async take(steps: readonly Step[], publication: 'seen' | 'unseen' = 'seen'): Promise<void> {
    for (const step of steps) {
      const { pick } = step;
      if (step.step === 'commit') await this.#commit(step.operations, pick, publication);
      if (step.step === 'reveal') this.#source.reveal(pick);
      if (step.step === 'break') this.#broken.add(keyText(pick));
      if (publication === 'unseen') continue;
      if (step.step === 'read') this.#read(pick % this.#uppers.length);
      if (step.step === 'mark') await this.#mark(pick % this.#uppers.length);
      if (step.step === 'retry') await this.#retryAll();
    }
    // The fence waits for every transaction; what is not seen ends before the next copy.
    if (publication === 'unseen') for (let left = 0; left < 100; left += 1) this.#source.reveal(0);
  }

  /** Reads and marks what is left, then marks the table as copied. */
  async complete(): Promise<void> {
    for (const chunk of this.#uppers.keys()) {
      this.#read(chunk);
      if (!this.#marked.has(chunk)) await this.#mark(chunk);
    }
    await this.#merge.completeTable(TABLE, this.#generation, this.#source.originOfMark());
    assert.deepEqual(this.#state.heldKeys(TABLE), [], 'nothing waits for a chunk any longer');
  }

  /** The source writes all of every row. */
  async rewrite(greatest: number): Promise<void> {
    for (let key = 0; key <= greatest; key += 1) {
      const put = { does: 'put', key, isNoteWritten: true } as const;
      if (this.#source.rows.has(keyText(key))) await this.#commit([put], 0, 'seen');
    }
  }

  async mend(): Promise<void> {
    this.#broken.clear();
    await this.#retryAll();
  }

  parked(): readonly string[] {
    return this.#state.allParked(100).map(({ key, error }) => `${key}: ${error}`);
  }

  /** What was told so far is no part of what the next copy tells. */
  beginAnew(): void {
    for (const [key, told] of this.#told) this.#begun.set(key, told.length);
  }

  /** Of each key that is not parked: what was told happened, in this order, and the last of it is how the table has it. */
  assertInOrder(): void {
    assert.deepEqual(this.#faults, []);
    for (const [key, happened, told] of this.#tellings()) {
      let at = -1;
      for (const what of told) {
        at = happened.indexOf(what, at + 1);
        assert.notEqual(at, -1, `${key}: told ${told} of what happened: ${happened}`);
      }
      assert.deepEqual(this.#told.get(key)?.at(-1)?.row ?? null, this.#source.rows.get(key) ?? null, key);
    }
  }

  /** And besides: nothing is left out from the first that was told on. */
  assertGapless(): void {
    this.assertInOrder();
    for (const [key, happened, told] of this.#tellings())
      assert.deepEqual(told, happened.slice(happened.length - told.length), key);
  }

  /** Per key that is not parked: what happened to it, and what was told of it since the last copy began. */
  *#tellings(): Iterable<readonly [key: string, happened: readonly string[], told: readonly string[]]> {
    const parked = new Set(this.#state.allParked(100).map(({ key }) => key));
    for (const [key, happened] of this.#source.history) {
      const told = (this.#told.get(key) ?? []).slice(this.#begun.get(key) ?? 0);
      if (!parked.has(key)) yield [key, happened, told.map(({ what }) => what)];
    }
  }

  [Symbol.dispose](): void {
    this.#state[Symbol.dispose]();
  }

  async #commit(operations: readonly Operation[], pick: number, publication: string): Promise<void> {
    for (const entry of this.#source.commit(operations, pick)) {
      if (publication === 'unseen') continue;
      if ('truncatedBy' in entry) await this.#merge.truncate(TABLE, entry.truncatedBy);
      else await this.#merge.apply(TABLE, entry.key, entry.change);
    }
  }

  #read(chunk: number): void {
    if (!this.#chunks.has(chunk))
      this.#chunks.set(
        chunk,
        this.#source.read(this.#uppers[chunk - 1] ?? Number.NEGATIVE_INFINITY, this.#uppers[chunk]!),
      );
  }

  /** A mark may come twice: a backfill that was killed marks again. */
  async #mark(chunk: number): Promise<void> {
    const read = this.#chunks.get(chunk);
    if (!read) return;
    this.#marked.add(chunk);
    const origin = this.#source.originOfMark();
    const rows = read.rows.map((row) => ({
      key: JSON.stringify([row.id]),
      change: { op: 'import', row: { ...row }, origin } as const,
    }));
    await this.#merge.applyChunk(TABLE, this.#generation, chunk, read.snapshot, rows);
  }

  async #retryAll(): Promise<void> {
    for (const { table, key } of this.#state.allParked(100)) await this.#merge.retry(table, key);
  }
}

function rowOf({ id, version, note }: RawRow): Row {
  return { id: String(id), version: String(version), note: String(note) };
}
