// The stores of a service over time: the live one with its projector, and one that is built beside it when asked for, when
// there is none, or when the projection's version changed. Queries see a store only once it has been caught up.
import type { Projection } from '../domain/domain.ts';
import type { EventStore } from '../event-store/event-store.ts';
import { BanyanError, errorCode } from '../kernel/error.ts';
import type { Lsn } from '../kernel/lsn.ts';
import { Projector, type ProjectorFigures } from '../projection/projector.ts';
import type { StoreSnapshot } from '../projection/read-store.ts';
import type { ShelvedStore, StoreShelf } from '../projection/store-shelf.ts';
import type { Log } from '../runtime/log.ts';
import { pause } from '../runtime/wait.ts';

interface Running {
  readonly shelved: ShelvedStore;
  readonly projector: Projector;
  readonly stop: () => Promise<void>;
}

export interface RebuildFigures {
  readonly position: number;
  readonly head: number;
  readonly eventsPerSecond: number;
}

const RETRY_MS = 1_000;
const CAUGHT_UP_POLL_MS = 20;

export class ServiceStore implements AsyncDisposable {
  readonly #projection: Projection;
  readonly #shelf: StoreShelf;
  readonly #eventLog: EventStore;
  readonly #log: Log;
  readonly #closing = new AbortController();
  #live: Running | undefined;
  #building:
    | { readonly running: Running; readonly startedAt: number; readonly done: Promise<void> }
    | undefined;

  constructor(options: { projection: Projection; shelf: StoreShelf; eventLog: EventStore; log: Log }) {
    this.#projection = options.projection;
    this.#shelf = options.shelf;
    this.#eventLog = options.eventLog;
    this.#log = options.log;
  }

  async start(): Promise<void> {
    const shelved = await this.#shelf.openLive();
    if (shelved) this.#live = this.#run(shelved);
    else await this.rebuild();
  }

  /** Whether there is a store that has been caught up. */
  get isLive(): boolean {
    return this.#live !== undefined;
  }

  figures(): ProjectorFigures {
    const running = this.#live ?? this.#building?.running;
    if (!running)
      throw new BanyanError('SERVICE_UNREACHABLE', `The store of ${this.#projection.name} is not open`);
    return running.projector.figures();
  }

  rebuildFigures(): RebuildFigures | null {
    if (!this.#building) return null;
    const { running, startedAt } = this.#building;
    const { position, head } = running.projector.figures();
    const seconds = Math.max(0.001, (performance.now() - startedAt) / 1_000);
    return { position, head, eventsPerSecond: Math.round(position / seconds) };
  }

  /** Starts building a store from the first event; it takes the live one's place by itself once caught up. */
  async rebuild(): Promise<void> {
    if (this.#building)
      throw new BanyanError('LEASE_HELD', `The store of ${this.#projection.name} is being rebuilt already`);
    const running = this.#run(await this.#shelf.create());
    const done = this.#takeOver(running).catch((error: unknown) => {
      this.#log.error({ err: error }, 'the rebuild stopped; the live store goes on');
    });
    this.#building = { running, startedAt: performance.now(), done };
  }

  /** A snapshot whose frontier covers `lsn`, waiting at most `waitMs`; undefined when it does not by then. */
  async snapshot(
    wanted: { readonly source: string; readonly lsn: Lsn } | undefined,
    waitMs: number,
  ): Promise<StoreSnapshot | undefined> {
    const live = this.#live;
    if (!live) return undefined;
    if (wanted && !(await live.projector.reaches(wanted.source, wanted.lsn, waitMs))) return undefined;
    const snapshot = await live.shelved.store.snapshot();
    // What counts is the snapshot's own frontier: the store may have been replaced meanwhile.
    if (!wanted || (snapshot.frontier[wanted.source] ?? 0n) >= wanted.lsn) return snapshot;
    await snapshot[Symbol.asyncDispose]();
    return undefined;
  }

  get liveProjector(): Projector {
    if (!this.#live)
      throw new BanyanError(
        'SERVICE_UNREACHABLE',
        `The store of ${this.#projection.name} is still being built`,
      );
    return this.#live.projector;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#building?.done;
    for (const running of [this.#live, this.#building?.running]) await running?.stop();
  }

  #run(shelved: ShelvedStore): Running {
    const projector = new Projector({
      projection: this.#projection,
      store: shelved.store,
      eventLog: this.#eventLog,
      onParked: ({ stream, version, type }, cause) =>
        this.#log.error(
          { err: cause, stream, version, type },
          'a stream was parked: its event cannot be applied',
        ),
    });
    const stopping = new AbortController();
    const signal = AbortSignal.any([stopping.signal, this.#closing.signal]);
    const work = this.#keepRunning(projector, signal);
    const stop = async (): Promise<void> => {
      stopping.abort();
      await work;
      await shelved.store[Symbol.asyncDispose]();
    };
    return { shelved, projector, stop };
  }

  /** A handler that throws stops the projection where it is; it is tried again, so that a mended log or disk goes on. */
  async #keepRunning(projector: Projector, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await projector.run(signal);
      } catch (error) {
        this.#log.error({ err: error, code: errorCode(error) }, 'the projection stopped');
        if (errorCode(error) === 'LOG_IDENTITY' || errorCode(error) === 'CHECKPOINT_MISMATCH') return;
        await pause(RETRY_MS, signal);
      }
    }
  }

  async #takeOver(built: Running): Promise<void> {
    while (!built.projector.figures().isCaughtUp && !this.#closing.signal.aborted) {
      await pause(CAUGHT_UP_POLL_MS, this.#closing.signal);
    }
    if (this.#closing.signal.aborted) return;
    await this.#shelf.makeLive(built.shelved);
    const before = this.#live;
    this.#live = built;
    this.#building = undefined;
    await before?.stop();
  }
}
