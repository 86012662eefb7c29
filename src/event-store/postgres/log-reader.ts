// Reads pages of the log up to its horizon (`horizon-function.ts`), and pages of streams. No transaction stays open
// between two round trips.
import { BanyanError } from '../../kernel/error.ts';
import type { Position, RecordedEvent } from '../../kernel/event.ts';
import type { StreamName } from '../../kernel/stream.ts';
import { pause } from '../../runtime/wait.ts';
import type { SourceProgress } from '../event-store.ts';
import { type LogPage, type PageRequest, SCAN_POSITIONS } from '../log-batches.ts';
import { EVENT_COLUMNS, recordedEvents, type StoredRow } from '../recorded-events.ts';
import { sourceProgress } from './append.ts';
import type { LogConnection } from './log-connection.ts';
import type { LogNames } from './log-names.ts';

/** How long appends under way may hold up a read that must see what came after them. */
const UNDER_WAY_MS = 10_000;

export interface Horizon {
  /** The last position drawn by anybody. */
  readonly drawn: Position;
  /** Nothing at or below it ever appears any more. */
  readonly settled: Position;
  /** Of the last event at or below `settled`. */
  readonly head: Position;
  /** The server process of the oldest append under way. */
  readonly holder: number | null;
  readonly progress: readonly SourceProgress[];
  /** Where all of `progress` is true: the head, or beyond it where an append overtook one that is still under way. */
  readonly progressAt: Position;
}

type HorizonRow = readonly [
  drawn: number,
  settled: number,
  head: number,
  holder: number | null,
  name: string | null,
  lsn: string | null,
  position: number | null,
  trueAt: number | null,
];

export class LogReader {
  readonly #connection: LogConnection;
  readonly #schema: string;
  readonly #underWayMs: number;
  /** A horizon stays true for ever; a writer that was slow to register can only make the next one look lower. */
  #proven = { settled: 0, head: 0 };

  constructor(
    connection: LogConnection,
    { schema }: LogNames,
    { underWayMs = UNDER_WAY_MS }: { readonly underWayMs?: number } = {},
  ) {
    this.#connection = connection;
    this.#schema = schema;
    this.#underWayMs = underWayMs;
  }

  async horizon(): Promise<Horizon> {
    // The progress is read in the statement's snapshot, before the function looks: its positions are drawn already.
    const rows = await this.#connection.query<HorizonRow>({
      name: 'horizon',
      text: `SELECT horizon.drawn, horizon.settled, horizon.head, horizon.holder,
               source.name, source.lsn, source.position, source.true_at
             FROM ${this.#schema}.horizon() LEFT JOIN ${this.#schema}.source_progress AS source ON source.lsn IS NOT NULL
             ORDER BY source.name`,
      values: [],
    });
    const [drawn, settled, head, holder] = rows[0]!;
    if (settled > this.#proven.settled) this.#proven = { settled, head };
    return {
      drawn,
      holder,
      ...this.#proven,
      progress: rows.flatMap(([, , , , name, lsn, position]) =>
        name === null ? [] : (sourceProgress(name, lsn, position) ?? []),
      ),
      progressAt: Math.max(this.#proven.head, ...rows.map((row) => row[7] ?? 0)),
    };
  }

  /**
   * A horizon at or above everything that was appended before the call: what is under way below that ends first. Throws
   * LOG_UNREACHABLE when it does not; gives what there is when `signal` aborts.
   */
  async currentHorizon(signal?: AbortSignal): Promise<Horizon> {
    const start = performance.now();
    let horizon = await this.horizon();
    const { drawn } = horizon;
    while (horizon.settled < drawn && !signal?.aborted) {
      if (performance.now() - start > this.#underWayMs) throw this.#heldUp(horizon);
      await pause(1 + Math.random() * 2, signal);
      horizon = await this.horizon();
    }
    return horizon;
  }

  async page(request: PageRequest): Promise<LogPage> {
    const { after, upTo: bound, limit, types, isCurrent, signal } = request;
    const mustWait = isCurrent && bound > this.#proven.settled;
    const { head, progress, progressAt } = await (mustWait ? this.currentHorizon(signal) : this.horizon());
    const scanned = types ? after + SCAN_POSITIONS : head;
    const end = Math.min(bound, head, scanned);
    const events = after < end ? await this.#events(request, end) : [];
    const upTo = events.length === limit ? events.at(-1)!.position : Math.max(after, end);
    return { events, upTo, head, progress, progressAt };
  }

  async sourceProgress(name: string): Promise<SourceProgress | undefined> {
    const [row] = await this.#connection.query<readonly [string | null, number | null]>({
      name: 'progress of one',
      text: `SELECT lsn, position FROM ${this.#schema}.source_progress WHERE name = $1`,
      values: [name],
    });
    return row && sourceProgress(name, ...row);
  }

  async streamVersion(stream: StreamName): Promise<number> {
    const [row] = await this.#connection.query<readonly [number]>({
      name: 'stream version',
      text: `SELECT version FROM ${this.#schema}.stream WHERE name = $1`,
      values: [stream],
    });
    return row?.[0] ?? 0;
  }

  async streamPage(stream: StreamName, after: number, upTo: number, limit: number): Promise<RecordedEvent[]> {
    const rows = await this.#connection.query<StoredRow>({
      name: 'stream page',
      text: `SELECT ${EVENT_COLUMNS} FROM ${this.#schema}.event
             WHERE stream = $1 AND version > $2 AND version <= $3 ORDER BY version LIMIT $4`,
      values: [stream, after, upTo, limit],
    });
    return recordedEvents(rows, this.#connection.at);
  }

  async #events({ after, limit, categories, types }: PageRequest, end: Position): Promise<RecordedEvent[]> {
    if (categories?.length === 0 || types?.length === 0) return [];
    const bounds = [after, end, limit];
    const distinct = [...new Set(categories)];
    const ofTypes = types ? `AND type = ANY ($${distinct.length > 0 ? 5 : 4}::text[])` : '';
    const filter = [...(categories ? [distinct] : []), ...(types ? [types] : [])];
    const rows = await this.#connection.query<StoredRow>({
      name: `page${categories ? ' of categories' : ''}${types ? ' of types' : ''}`,
      text: categories ? this.#ofCategories(ofTypes) : this.#ofAll(ofTypes),
      values: [...bounds, ...filter],
    });
    return recordedEvents(rows, this.#connection.at);
  }

  #ofAll(ofTypes: string): string {
    return `SELECT ${EVENT_COLUMNS} FROM ${this.#schema}.event
            WHERE position > $1 AND position <= $2 ${ofTypes} ORDER BY position LIMIT $3`;
  }

  /** Each category from its own range of the index: compared as rows, so that no other index looks cheaper. */
  #ofCategories(ofTypes: string): string {
    return `SELECT ${EVENT_COLUMNS} FROM unnest($4::text[]) AS wanted (name) CROSS JOIN LATERAL (
              SELECT ${EVENT_COLUMNS} FROM ${this.#schema}.event
              WHERE (category, position) > (wanted.name, $1) AND (category, position) <= (wanted.name, $2) ${ofTypes}
              ORDER BY category, position LIMIT $3
            ) AS found ORDER BY position LIMIT $3`;
  }

  #heldUp({ settled, holder }: Horizon): BanyanError {
    return new BanyanError('LOG_UNREACHABLE', 'An append has been under way for too long', {
      at: this.#connection.at,
      why: `The server process ${holder} holds the positions after ${settled} and does not end.`,
      remedy: `See what it does (pg_stat_activity), or end it: SELECT pg_terminate_backend(${holder}).`,
    });
  }
}
