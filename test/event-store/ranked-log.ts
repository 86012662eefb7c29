// A log seen as its events stand in it, first, second, third: positions may have gaps, and where they lie is the engine's own.
// Frontiers are kept where every engine must agree: at the head.
import type { EventStore, LogBatch, ReadLogOptions } from '../../src/event-store/event-store.ts';
import type { Position, RecordedEvent } from '../../src/kernel/event.ts';

export type RankedLog = Pick<EventStore, 'append' | 'readLog' | 'readStream' | 'head'>;

export function ranked(store: EventStore): RankedLog {
  const positions = async (): Promise<Position[]> => {
    const batches = await Array.fromAsync(store.readLog({ after: 0 }));
    return batches.flatMap(({ events }) => events.map(({ position }) => position));
  };
  return {
    async append(writes, options) {
      const outcome = await store.append(writes, options);
      if (outcome.outcome !== 'appended') return outcome;
      return { ...outcome, position: rankOf(outcome.position, await positions()) };
    },
    async *readLog(options: ReadLogOptions): AsyncGenerator<LogBatch> {
      const all = await positions();
      for await (const batch of store.readLog({ ...options, after: placeOf(options.after, all) })) {
        yield {
          events: batch.events.map((event) => withRank(event, all)),
          upTo: rankOf(batch.upTo, all),
          head: rankOf(batch.head, all),
          frontier: batch.upTo >= batch.head ? batch.frontier : {},
        };
      }
    },
    async *readStream(stream, options) {
      const all = await positions();
      for await (const events of store.readStream(stream, options)) {
        yield events.map((event) => withRank(event, all));
      }
    },
    async head() {
      const { position, progress } = await store.head();
      return { position: rankOf(position, await positions()), progress };
    },
  };
}

function withRank(event: RecordedEvent, all: readonly Position[]): RecordedEvent {
  return { ...event, position: rankOf(event.position, all) };
}

/** Past the last event, one position is one rank. */
function rankOf(position: Position, all: readonly Position[]): number {
  const last = all.at(-1) ?? 0;
  if (position > last) return all.length + (position - last);
  return all.filter((other) => other <= position).length;
}

function placeOf(rank: number, all: readonly Position[]): Position {
  if (rank > all.length) return (all.at(-1) ?? 0) + (rank - all.length);
  return rank === 0 ? 0 : all[rank - 1]!;
}
