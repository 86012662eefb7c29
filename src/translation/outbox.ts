// The events of the transactions that are being translated, with the ids that a repetition would give them again.
import type { NewEvent, Origin, Position } from '../kernel/event.ts';
import type { StreamName } from '../kernel/stream.ts';
import { derivedUuid } from '../kernel/uuid.ts';
import type { MappedEvent } from './mapped-table.ts';
import type { ChangeOrigin } from './translation-state.ts';

export interface OutboxEvent {
  readonly stream: StreamName;
  readonly event: NewEvent;
  /** The place in the change log that it is told at. */
  readonly position: Position;
}

export class Outbox {
  readonly #source: string;
  #events: OutboxEvent[] = [];
  #position: Position = 0;

  constructor(source: string) {
    this.#source = source;
  }

  get size(): number {
    return this.#events.length;
  }

  /** What is added from here on is told at this place: a change that waited for its chunk is told at the chunk's. */
  moveTo(position: Position): void {
    this.#position = position;
  }

  /** What one change of one row amounts to: each change of each row is told once, which makes the ids its own. */
  add(events: readonly MappedEvent[], row: string, change: ChangeOrigin, origin: Origin): void {
    const { lsn, xid, time, index } = change;
    for (const [nth, { stream, type, schemaVersion, data }] of events.entries()) {
      const id = derivedUuid(Date.parse(time), `${this.#source} ${lsn} ${index} ${nth} ${row}`);
      const meta = { origin, source: { name: this.#source, lsn, xid: String(xid) } };
      this.#events.push({
        stream,
        position: this.#position,
        event: { id, type, time, schemaVersion, data, meta },
      });
    }
  }

  take(): readonly OutboxEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  clear(): void {
    this.#events = [];
  }
}
