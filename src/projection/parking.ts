// Streams whose event could not be applied. The event and all that follow it in its stream wait, in order, while every other
// stream goes on; a mended handler applies what waited. Where a stream stands commits with the rows and the checkpoint.
import type { RecordedEvent } from '../kernel/event.ts';
import type { StreamName } from '../kernel/stream.ts';
import type { ParkedStream, ParkingChanges } from './read-store.ts';

/** More than this many is no poison but a broken handler: then the projection stops instead. */
export const PARKED_MAX = 100;

export class Parking {
  readonly #parked: Map<StreamName, ParkedStream>;

  constructor(parked: readonly ParkedStream[] = []) {
    this.#parked = new Map(parked.map((one) => [one.stream, one]));
  }

  list(): readonly ParkedStream[] {
    return [...this.#parked.values()];
  }

  get(stream: StreamName): ParkedStream | undefined {
    return this.#parked.get(stream);
  }

  /** What a batch does to it; nothing counts until the draft is accepted. */
  draft(): ParkingDraft {
    return new ParkingDraft(this.#parked);
  }
}

export class ParkingDraft {
  readonly #before: Map<StreamName, ParkedStream>;
  readonly #changed = new Map<StreamName, ParkedStream | undefined>();

  constructor(before: Map<StreamName, ParkedStream>) {
    this.#before = before;
  }

  get hasRoom(): boolean {
    let size = this.#before.size;
    for (const [stream, parked] of this.#changed) {
      if (parked && !this.#before.has(stream)) size += 1;
      if (!parked && this.#before.has(stream)) size -= 1;
    }
    return size < PARKED_MAX;
  }

  /** Whether the event is to be applied: nothing before it in its stream waits. */
  passes({ stream, version }: RecordedEvent): boolean {
    const parked = this.#get(stream);
    return !parked || version < parked.version;
  }

  park({ stream, version, position, type }: RecordedEvent, error: string): ParkedStream {
    const parked: ParkedStream = { stream, version, position, type, error, waiting: 0 };
    this.#changed.set(stream, parked);
    return parked;
  }

  free(stream: StreamName): void {
    this.#changed.set(stream, undefined);
  }

  /** Counts those of `events` that have to wait behind their stream's first. */
  count(events: readonly RecordedEvent[]): void {
    for (const event of events) {
      const parked = this.#get(event.stream);
      if (parked && event.version > parked.version)
        this.#changed.set(event.stream, { ...parked, waiting: parked.waiting + 1 });
    }
  }

  changes(): ParkingChanges {
    const parked = [...this.#changed.values()].filter((one) => one !== undefined);
    const freed = [...this.#changed].filter(([, one]) => one === undefined).map(([stream]) => stream);
    return { parked, freed };
  }

  accept(): void {
    for (const [stream, parked] of this.#changed) {
      if (parked) this.#before.set(stream, parked);
      else this.#before.delete(stream);
    }
    this.#changed.clear();
  }

  #get(stream: StreamName): ParkedStream | undefined {
    return this.#changed.has(stream) ? this.#changed.get(stream) : this.#before.get(stream);
  }
}
