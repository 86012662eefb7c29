// A projection at work: the log's batches through the handlers into the store, each batch's rows and checkpoint in one
// transaction. So every event has its effect exactly once, whenever this process dies.
import type { Projection } from '../domain/domain.ts';
import type { EventStore, LogBatch } from '../event-store/event-store.ts';
import { BanyanError } from '../kernel/error.ts';
import type { Position, RecordedEvent } from '../kernel/event.ts';
import { type Lsn, parseLsn } from '../kernel/lsn.ts';
import type { StreamName } from '../kernel/stream.ts';
import { failpoint } from '../runtime/failpoint.ts';
import { EventApplier } from './apply-events.ts';
import { Barrier } from './barrier.ts';
import { Parking, type ParkingDraft } from './parking.ts';
import type { Frontier, ParkedStream, ReadStore, StoreSnapshot } from './read-store.ts';

export interface ProjectorFigures {
  readonly position: Position;
  readonly head: Position;
  readonly frontier: Frontier;
  readonly isCaughtUp: boolean;
  /** How long ago the store last equalled the head; 0 while it does. */
  readonly lagMs: number;
  /** How long the checkpoint has stood still although the head is ahead; 0 when it moves. */
  readonly noProgressMs: number;
  readonly parked: readonly ParkedStream[];
  readonly error: string | null;
}

export interface ProjectorOptions {
  readonly projection: Projection;
  readonly store: ReadStore;
  readonly eventLog: EventStore;
  readonly batchSize?: number;
  /** Told of each stream that is parked, with what its handler threw, which may hold values. */
  readonly onParked?: (parked: ParkedStream, cause: unknown) => void;
}

const BATCH = 2_000;

export class Projector {
  readonly #options: ProjectorOptions;
  readonly #applier: EventApplier;
  readonly #barrier = new Barrier();
  #parking = new Parking();
  /** Batches and retries take turns. */
  #turn: Promise<unknown> = Promise.resolve();
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
    this.#applier = new EventApplier(options.projection, options.store, options.onParked);
  }

  /**
   * Follows the log until `signal` aborts; first tries what is parked once more. A handler that throws parks the stream of
   * its event. Rejects with LOG_IDENTITY when the store was filled from another log, PROJECTION_FAILED when too many streams
   * would be parked (nothing of that batch is applied), CHECKPOINT_MISMATCH when another process writes the store.
   */
  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.#resume();
      await this.retryParked();
      const { eventLog, projection, batchSize } = this.#options;
      const types = Object.keys(projection.on);
      const after = this.#position ?? 0;
      for await (const batch of eventLog.subscribe({ after, types, batchSize: batchSize ?? BATCH, signal })) {
        await this.#exclusively(() => this.#take(batch, signal));
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
      parked: this.#parking.list(),
      error: this.#error,
    };
  }

  /** Tries the parked streams again, or one of them, in order; answers those that are parked still. */
  retryParked(stream?: StreamName): Promise<readonly ParkedStream[]> {
    return this.#exclusively(async () => {
      for (const parked of this.#parking.list())
        if (stream === undefined || parked.stream === stream) await this.#retry(parked, parked.version);
      return this.#parking.list();
    });
  }

  /** Leaves out the event at which a stream stands, for good, and goes on with those behind it. Answers whether it was parked. */
  skipParked(stream: StreamName): Promise<boolean> {
    return this.#exclusively(async () => {
      const parked = this.#parking.get(stream);
      if (parked) await this.#retry(parked, parked.version + 1);
      return parked !== undefined;
    });
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
    this.#parking = new Parking(await store.parked());
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
    await this.#commit(events, this.#parking.draft(), upTo, frontier);
    this.#position = upTo;
    this.#frontier = frontier;
    this.#error = null;
    this.#movedAt = performance.now();
    if (upTo >= (this.#head ?? 0)) this.#equalledAt = this.#movedAt;
    for (const waiter of [...this.#waiters]) if (waiter.isReached()) waiter.wake();
  }

  /** Applies what waited in a stream, from `version` on, up to where the store is; all at once, so that none is left out. */
  async #retry({ stream }: ParkedStream, version: number): Promise<void> {
    const { eventLog, projection } = this.#options;
    const position = this.#position ?? 0;
    const waited: RecordedEvent[] = [];
    for await (const events of eventLog.readStream(stream, { afterVersion: version - 1 })) {
      waited.push(...events.filter((event) => event.position <= position && event.type in projection.on));
    }
    const draft = this.#parking.draft();
    draft.free(stream);
    await this.#commit(waited, draft, position, this.#frontier);
  }

  async #commit(
    events: readonly RecordedEvent[],
    draft: ParkingDraft,
    upTo: Position,
    frontier: Frontier,
  ): Promise<void> {
    const { store, eventLog } = this.#options;
    try {
      const changes = await this.#applier.apply(events, draft);
      failpoint('projection.before-commit');
      const checkpoint = { log: eventLog.identity, position: upTo, frontier };
      await store.commit(changes, checkpoint, this.#position, draft.changes());
      failpoint('projection.after-commit');
    } finally {
      // Also after a failure: the same events come again.
      this.#applier.clear();
    }
    draft.accept();
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}

function tellFault(error: unknown): string {
  if (!(error instanceof BanyanError)) return error instanceof Error ? error.message : String(error);
  const { message, at, why } = error;
  return `${message}${at === undefined ? '' : ` at ${at}`}${why === undefined ? '' : `: ${why}`}`;
}
