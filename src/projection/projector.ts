// A projection at work: the log's batches through the handlers into the store, each batch's rows and checkpoint in one
// transaction. So every event has its effect exactly once, whenever this process dies.
import type { Projection } from '../domain/domain.ts';
import type { EventStore, LogBatch } from '../event-store/event-store.ts';
import { BanyanError } from '../kernel/error.ts';
import type { Position, RecordedEvent } from '../kernel/event.ts';
import { type Lsn, parseLsn } from '../kernel/lsn.ts';
import { failpoint } from '../runtime/failpoint.ts';
import { Barrier } from './barrier.ts';
import { BatchFold } from './batch-fold.ts';
import { RowFault } from './checked-row.ts';
import type { Frontier, ReadStore, StoreSnapshot, TableChanges } from './read-store.ts';

export interface ProjectorFigures {
  readonly position: Position;
  readonly head: Position;
  readonly frontier: Frontier;
  readonly isCaughtUp: boolean;
  /** How long ago the store last equalled the head; 0 while it does. */
  readonly lagMs: number;
  /** How long the checkpoint has stood still although the head is ahead; 0 when it moves. */
  readonly noProgressMs: number;
  readonly error: string | null;
}

export interface ProjectorOptions {
  readonly projection: Projection;
  readonly store: ReadStore;
  readonly eventLog: EventStore;
  readonly batchSize?: number;
}

const BATCH = 2_000;

export class Projector {
  readonly #options: ProjectorOptions;
  readonly #fold: BatchFold;
  readonly #barrier = new Barrier();
  #position: Position | undefined;
  /** Undefined until the log has told it. */
  #head: Position | undefined;
  #frontier: Frontier = {};
  #equalledAt = performance.now();
  #movedAt = performance.now();
  #error: string | null = null;
  #waiters: { readonly isReached: () => boolean; readonly wake: () => void }[] = [];

  constructor(options: ProjectorOptions) {
    this.#options = options;
    this.#fold = new BatchFold(options.projection, options.store);
  }

  /**
   * Follows the log until `signal` aborts. Rejects with LOG_IDENTITY when the store was filled from another log,
   * PROJECTION_FAILED when a handler throws (nothing of that batch is applied), CHECKPOINT_MISMATCH when another process
   * writes the store.
   */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#resume();
      const { eventLog, projection, batchSize } = this.#options;
      const types = Object.keys(projection.on);
      const after = this.#position ?? 0;
      for await (const batch of eventLog.subscribe({ after, types, batchSize: batchSize ?? BATCH, signal })) {
        await this.#take(batch, signal);
      }
    } catch (error) {
      this.#error = tellFault(error);
      throw error;
    } finally {
      for (const { wake } of this.#waiters.splice(0)) wake();
    }
  }

  figures(): ProjectorFigures {
    const position = this.#position ?? 0;
    const isCaughtUp = this.#position !== undefined && this.#head !== undefined && position >= this.#head;
    const now = performance.now();
    return {
      position,
      head: this.#head ?? position,
      frontier: this.#frontier,
      isCaughtUp,
      lagMs: isCaughtUp ? 0 : Math.round(now - this.#equalledAt),
      noProgressMs: isCaughtUp ? 0 : Math.round(now - this.#movedAt),
      error: this.#error,
    };
  }

  /** Whether the store holds everything of `source` up to `lsn`; waits for it at most `timeoutMs`. */
  async reaches(source: string, lsn: Lsn, timeoutMs: number): Promise<boolean> {
    const isReached = (): boolean => (this.#frontier[source] ?? 0n) >= lsn;
    if (isReached() || timeoutMs <= 0) return isReached();
    await new Promise<void>((done) => {
      const waiter = { isReached, wake: () => finish() };
      const timer = setTimeout(() => finish(), timeoutMs);
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiters = this.#waiters.filter((other) => other !== waiter);
        done();
      };
      this.#waiters.push(waiter);
    });
    return isReached();
  }

  /** Pauses before the next batch, for at most `maxMs`. Whatever is committed at the source from now on is not in the store. */
  hold(maxMs: number): Promise<void> {
    return this.#barrier.hold(maxMs);
  }

  /** Goes on to exactly `lsn` of `source`, opens a snapshot of the store there, and goes on. */
  snapshotAt(source: string, lsn: Lsn, timeoutMs: number): Promise<StoreSnapshot> {
    return this.#barrier.snapshotAt({ source, lsn }, timeoutMs);
  }

  async #resume(): Promise<void> {
    const { store, eventLog, projection } = this.#options;
    const checkpoint = await store.checkpoint();
    if (!checkpoint) return;
    const { log } = checkpoint;
    if (log.id !== eventLog.identity.id || log.recoveryEpoch !== eventLog.identity.recoveryEpoch) {
      throw new BanyanError('LOG_IDENTITY', `The store of ${projection.name} was filled from another log`, {
        why: `its checkpoint is of log ${log.id} (epoch ${log.recoveryEpoch}), this is ${eventLog.identity.id} (epoch ${eventLog.identity.recoveryEpoch})`,
        remedy: `Rebuild the store from this log: remove its folder and start the service ${projection.name}.`,
      });
    }
    this.#position = checkpoint.position;
    this.#frontier = checkpoint.frontier;
  }

  async #take(batch: LogBatch, signal: AbortSignal): Promise<void> {
    this.#head = batch.head;
    let rest: readonly RecordedEvent[] = batch.events;
    for (
      let stop = await this.#barrier.before(batch, signal);
      stop;
      stop = await this.#barrier.before({ ...batch, events: rest }, signal)
    ) {
      const { lsn, source } = stop.at;
      const cut = rest.findIndex(
        ({ meta }) => meta.source?.name === source && parseLsn(meta.source.lsn) > lsn,
      );
      const due = cut < 0 ? rest : rest.slice(0, cut);
      rest = cut < 0 ? [] : rest.slice(cut);
      if (due.length > 0) await this.#project(due, due[due.length - 1]!.position, this.#frontier);
      if (cut < 0 && (batch.frontier[source] ?? 0n) < lsn) break;
      stop.reached(await this.#options.store.snapshot());
    }
    await this.#project(rest, batch.upTo, { ...this.#frontier, ...batch.frontier });
  }

  async #project(events: readonly RecordedEvent[], upTo: Position, frontier: Frontier): Promise<void> {
    const { store, eventLog } = this.#options;
    try {
      await this.#handle(events);
      const changes = await this.#changesOf(events);
      failpoint('projection.before-commit');
      await store.commit(changes, { log: eventLog.identity, position: upTo, frontier }, this.#position);
      failpoint('projection.after-commit');
    } finally {
      // Also after a failure: the same events come again.
      this.#fold.clear();
    }
    this.#position = upTo;
    this.#frontier = frontier;
    this.#error = null;
    this.#movedAt = performance.now();
    if (upTo >= (this.#head ?? 0)) this.#equalledAt = this.#movedAt;
    for (const waiter of [...this.#waiters]) if (waiter.isReached()) waiter.wake();
  }

  /** With `isSettled`, each event's rows are made whole before the next one's. */
  async #handle(events: readonly RecordedEvent[], isSettled = false): Promise<void> {
    const { on } = this.#options.projection;
    for (const event of events) {
      try {
        const pending = on[event.type]!(event, this.#fold.tables);
        if (pending) await pending;
        if (isSettled) await this.#fold.changes();
      } catch (cause) {
        throw this.#failedOn(event, cause);
      }
    }
  }

  /** A row that turns out not to fit only now is one event's fault: they are gone through again to find which. */
  async #changesOf(events: readonly RecordedEvent[]): Promise<readonly TableChanges[]> {
    try {
      return await this.#fold.changes();
    } catch (error) {
      if (!(error instanceof RowFault)) throw error;
      this.#fold.clear();
      await this.#handle(events, true);
      throw error;
    }
  }

  #failedOn({ type, stream, position }: RecordedEvent, cause: unknown): BanyanError {
    const { name } = this.#options.projection;
    return new BanyanError('PROJECTION_FAILED', `Projection ${name} failed on ${type}`, {
      at: `${stream}, position ${position}`,
      // What a handler itself throws may hold values of the event: it is for the log alone.
      ...(cause instanceof RowFault ? { why: cause.message } : {}),
      cause,
    });
  }
}

function tellFault(error: unknown): string {
  if (!(error instanceof BanyanError)) return error instanceof Error ? error.message : String(error);
  const { message, at, why } = error;
  return `${message}${at === undefined ? '' : ` at ${at}`}${why === undefined ? '' : `: ${why}`}`;
}
