// Events through the handlers into the folded writes of a batch. An event that fails parks its stream, and the batch is gone
// through again without it; handlers are pure, so that costs time and nothing else.
import type { Projection } from '../domain/domain.ts';
import { BanyanError } from '../kernel/error.ts';
import type { RecordedEvent } from '../kernel/event.ts';
import { BatchFold, StoreFault } from './batch-fold.ts';
import { RowFault } from './checked-row.ts';
import type { ParkingDraft } from './parking.ts';
import type { ParkedStream, ReadStore, TableChanges } from './read-store.ts';

interface Failure {
  readonly event: RecordedEvent;
  readonly cause: unknown;
}

export class EventApplier {
  readonly #projection: Projection;
  readonly #fold: BatchFold;
  readonly #onParked: (parked: ParkedStream, cause: unknown) => void;

  constructor(
    projection: Projection,
    store: ReadStore,
    onParked: (parked: ParkedStream, cause: unknown) => void = () => undefined,
  ) {
    this.#projection = projection;
    this.#fold = new BatchFold(projection, store);
    this.#onParked = onParked;
  }

  /**
   * What to write for all events that the draft lets pass, those that it parks on the way left out.
   * Rejects with PROJECTION_FAILED when no more streams may be parked, and with the store's own fault when it is the store.
   */
  async apply(events: readonly RecordedEvent[], draft: ParkingDraft): Promise<readonly TableChanges[]> {
    for (;;) {
      const outcome = await this.#changesOf(events.filter((event) => draft.passes(event)));
      if ('changes' in outcome) {
        draft.count(events);
        return outcome.changes;
      }
      this.#fold.clear();
      const { event, cause } = outcome;
      if (!draft.hasRoom) throw this.#failedOn(outcome);
      this.#onParked(draft.park(event, tellCause(cause)), cause);
    }
  }

  /** Forgets what was applied: it was written, or it comes again. */
  clear(): void {
    this.#fold.clear();
  }

  async #changesOf(
    events: readonly RecordedEvent[],
  ): Promise<{ readonly changes: readonly TableChanges[] } | Failure> {
    const failure = await this.#handle(events);
    if (failure) return failure;
    try {
      return { changes: await this.#fold.changes() };
    } catch (error) {
      if (error instanceof StoreFault) throw error.cause;
      // A row that turns out not to fit only now is one event's fault: they are gone through again to find which.
      this.#fold.clear();
      const found = await this.#handle(events, true);
      if (!found) throw error;
      return found;
    }
  }

  /** The first event that fails. With `isSettled`, each event's rows are made whole before the next one's. */
  async #handle(events: readonly RecordedEvent[], isSettled = false): Promise<Failure | undefined> {
    for (const event of events) {
      try {
        const pending = this.#projection.on[event.type]!(event, this.#fold.tables);
        if (pending) await pending;
        if (isSettled) await this.#fold.changes();
      } catch (cause) {
        if (cause instanceof StoreFault) throw cause.cause;
        return { event, cause };
      }
    }
    return undefined;
  }

  #failedOn({ event: { type, stream, position }, cause }: Failure): BanyanError {
    const { name } = this.#projection;
    return new BanyanError('PROJECTION_FAILED', `Projection ${name} failed on ${type}`, {
      at: `${stream}, position ${position}`,
      why: `${tellCause(cause)}; and so many streams are parked already that it is no single event's fault`,
      cause,
    });
  }
}

/** What a handler itself throws may hold values of the event: its words are for the log alone. */
function tellCause(cause: unknown): string {
  if (cause instanceof RowFault || cause instanceof BanyanError) return cause.message;
  return `the handler threw ${cause instanceof Error ? cause.name : 'something'}; the service's log has its words`;
}
