// Catching up and following, for any engine that can read one page of its log: pages in, batches out. Between two pages
// nothing is held open, and the event loop gets its turn.
import { setImmediate as turn } from 'node:timers/promises';
import type { Position, RecordedEvent } from '../kernel/event.ts';
import type { ChangeSignal } from './change-signal.ts';
import { checkBatchSize, checkPosition } from './check-input.ts';
import type { LogBatch, LogFilter, ReadLogOptions, SourceProgress, SubscribeOptions } from './event-store.ts';
import { Frontier } from './frontier.ts';

export const DEFAULT_BATCH_SIZE = 1000;

/** A filter on types has no index: a page looks through so many positions at most, then lets others have their turn. */
export const SCAN_POSITIONS = 20_000;

export interface PageRequest extends LogFilter {
  readonly after: Position;
  /** Inclusive; may lie past the head. */
  readonly upTo: Position;
  readonly limit: number;
  /** Shows all that was appended before the request; a follower's page may trail behind appends still under way. */
  readonly isCurrent: boolean;
  readonly signal?: AbortSignal;
}

/** Its events are all that the log holds between the request's `after` and `upTo`, and that pass the filter. */
export interface LogPage {
  readonly events: readonly RecordedEvent[];
  /** At least `after`, at most the smaller of the request's `upTo` and the head. */
  readonly upTo: Position;
  readonly head: Position;
  readonly progress: readonly SourceProgress[];
  /** What `progress` says is true of a reader who has read up to here. */
  readonly progressAt: Position;
}

export interface PagedLog {
  readonly changes: ChangeSignal;
  page(request: PageRequest): Promise<LogPage>;
}

export async function* readBatches(log: PagedLog, options: ReadLogOptions): AsyncGenerator<LogBatch> {
  const { signal, upTo: bound = Number.MAX_SAFE_INTEGER, batchSize: limit = DEFAULT_BATCH_SIZE } = options;
  checkPosition('Position to read up to', bound);
  checkStart(options.after, limit);
  const frontier = new Frontier();
  let after = options.after;
  let end: Position | undefined;
  while (!signal?.aborted) {
    const page = await log.page({
      ...options,
      after,
      upTo: end ?? bound,
      limit,
      isCurrent: end === undefined,
    });
    end ??= Math.min(bound, page.head);
    if (signal?.aborted) return;
    yield batchOf(page, frontier);
    after = page.upTo;
    if (after >= end) return;
    await turn();
  }
}

export async function* followBatches(log: PagedLog, options: SubscribeOptions): AsyncGenerator<LogBatch> {
  const { signal, batchSize: limit = DEFAULT_BATCH_SIZE } = options;
  checkStart(options.after, limit);
  const frontier = new Frontier();
  let after = options.after;
  let last: LogBatch | undefined;
  while (!signal?.aborted) {
    const seen = log.changes.generation;
    const upTo = Number.MAX_SAFE_INTEGER;
    const page = await log.page({ ...options, after, upTo, limit, isCurrent: false });
    if (signal?.aborted) return;
    const batch = batchOf(page, frontier);
    if (!last || batch.upTo > after || batch.frontier !== last.frontier) yield batch;
    last = batch;
    after = page.upTo;
    if (after >= page.head) await log.changes.changedSince(seen, signal);
    else await turn();
  }
}

function batchOf({ events, upTo, head, progress, progressAt }: LogPage, frontier: Frontier): LogBatch {
  return { events, upTo, head, frontier: frontier.advance(upTo, progressAt, progress) };
}

function checkStart(after: Position, limit: number): void {
  checkPosition('Position to read after', after);
  checkBatchSize(limit);
}
