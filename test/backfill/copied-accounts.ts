// A table of accounts that is copied anew by each test of a suite: filled while nobody watched, opened, and looked at in
// the logs.
import assert from 'node:assert/strict';
import { tableStream } from '../../src/capture/change.ts';
import { dropTables } from '../../src/capture/postgres/publication.ts';
import { BanyanError, type ErrorCode } from '../../src/kernel/error.ts';
import type { TextRow } from '../../src/postgres/connect.ts';
import {
  type CapturedDatabase,
  foldAccounts,
  SOURCE,
  startCapturedDatabase,
} from '../support/captured-database.ts';
import { watchedRows } from './watched-rows.ts';

/** One range after the other, a hundred rows each. */
export const LIMITS = { rangesInFlight: 1, chunkBytes: 1 };
const LARGE = "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 200) i)";

export class CopiedAccounts implements AsyncDisposable {
  readonly database: CapturedDatabase;
  generation = 0;
  /** Each test's ids are its own. */
  base = 0;

  static async start(name: string): Promise<CopiedAccounts> {
    return new CopiedAccounts(await startCapturedDatabase(name));
  }

  constructor(database: CapturedDatabase) {
    this.database = database;
  }

  /** `#7` is this test's account 7. */
  query(sql: string): Promise<readonly TextRow[]> {
    return this.database.query(sql.replaceAll(/#(\d+)/g, (_, id: string) => String(this.base + Number(id))));
  }

  /** 300 rows with even numbers, written while nobody watched; the first hundred have large notes. */
  async fill(): Promise<void> {
    this.base += 10_000;
    const { db, target } = this.database;
    await dropTables(db, target.publication, [{ schema: 'public', table: 'accounts' }]);
    await this.query('TRUNCATE accounts');
    await this.query(`INSERT INTO accounts
      SELECT #0 + 2 * g, 'owner', 1, CASE WHEN g <= 100 THEN ${LARGE} ELSE 'n' END FROM generate_series(1, 300) g`);
  }

  async open(): Promise<void> {
    this.generation += 1;
    await this.database.openTable(this.generation);
  }

  /** `opened 1, changed 2, closed 2`: what the log tells of one row, with its balance. */
  async told(id: number): Promise<string> {
    const { events } = await foldAccounts(this.database.eventLog);
    return events
      .filter(({ stream }) => stream === `account-${this.base + id}`)
      .map(({ type, data }) => `${type.slice(7).toLowerCase()} ${(data as { balance: number }).balance}`)
      .join(', ');
  }

  /** A backfill with something done between the read of a chunk, counted from 1, and its mark. */
  async backfillWith(afterRead: (nth: number) => Promise<unknown>): Promise<void> {
    await using rows = watchedRows(this.database.target.url, (_, nth) => afterRead(nth));
    await this.database.backfill({ rows, limits: LIMITS });
  }

  /** The ranges whose rows are in the change log, of the present copy, once for each time. */
  async chunksRead(): Promise<readonly number[]> {
    const found: number[] = [];
    for await (const events of this.database.changeLog.readStream(tableStream(SOURCE, 'accounts')))
      for (const { type, data } of events) {
        const read = data as { readonly generation: number; readonly chunk: number };
        if (type === 'ChunkRead' && read.generation === this.generation) found.push(read.chunk);
      }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database[Symbol.asyncDispose]();
  }
}

export function faultOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

export function assertCode(error: unknown, code: ErrorCode): void {
  assert.ok(error instanceof BanyanError, String(error));
  assert.equal(error.code, code);
}
