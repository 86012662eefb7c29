// Where versions of recently read streams lie in the log, so that the next page of a stream is not looked for from its
// beginning.
import type { Position, RecordedEvent } from '../../kernel/event.ts';
import type { StreamName } from '../../kernel/stream.ts';

const STREAMS_MAX = 10_000;
/** The end that a reading goes to, and how far it is. */
const PLACES_MAX = 4;

interface Place {
  readonly version: number;
  readonly position: Position;
}

export class StreamPlaces {
  /** The newest stream last; in a stream, the newest place last. */
  readonly #places = new Map<StreamName, readonly Place[]>();

  set(stream: StreamName, { version, position }: RecordedEvent): void {
    const others = (this.#places.get(stream) ?? []).filter((place) => place.version !== version);
    this.#places.delete(stream);
    this.#places.set(stream, [...others, { version, position }].slice(-PLACES_MAX));
    if (this.#places.size > STREAMS_MAX) this.#places.delete(this.#places.keys().next().value!);
  }

  at(stream: StreamName, version: number): Position | undefined {
    return this.#places.get(stream)?.find((place) => place.version === version)?.position;
  }

  /** The nearest known place at or before a version; the stream's beginning when there is none. */
  before(stream: StreamName, version: number): Place {
    let nearest: Place = { version: 0, position: 0 };
    for (const place of this.#places.get(stream) ?? []) {
      if (place.version <= version && place.version > nearest.version) nearest = place;
    }
    return nearest;
  }
}
