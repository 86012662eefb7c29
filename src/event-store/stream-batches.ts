// One stream from a version to its end as it was when reading began, for any engine that can read one page of a stream.
import { BanyanError } from '../kernel/error.ts';
import type { RecordedEvent } from '../kernel/event.ts';
import type { StreamName } from '../kernel/stream.ts';
import { checkBatchSize, checkPosition } from './check-input.ts';
import { DEFAULT_BATCH_SIZE } from './log-batches.ts';

export interface PagedStreams {
  /** Where the log is, for a person. */
  readonly at: string;
  version(stream: StreamName): Promise<number>;
  /** From after `after` to `upTo`, in version order, `limit` events at most. */
  page(stream: StreamName, after: number, upTo: number, limit: number): Promise<readonly RecordedEvent[]>;
}

export interface ReadStreamOptions {
  readonly afterVersion?: number;
  readonly batchSize?: number;
  readonly signal?: AbortSignal;
}

/** Throws LOG_CORRUPT where a version is missing: they are dense, so the engine has lost an event. */
export async function* readStreamBatches(
  streams: PagedStreams,
  stream: StreamName,
  { afterVersion = 0, batchSize = DEFAULT_BATCH_SIZE, signal }: ReadStreamOptions = {},
): AsyncGenerator<readonly RecordedEvent[]> {
  checkPosition('Version to read after', afterVersion);
  checkBatchSize(batchSize);
  const end = await streams.version(stream);
  let after = afterVersion;
  while (after < end && !signal?.aborted) {
    const events = await streams.page(stream, after, end, batchSize);
    if (events.length === 0 || events.at(-1)?.version !== after + events.length) {
      throw new BanyanError('LOG_CORRUPT', `A version after ${after} of stream "${stream}" is missing`, {
        at: streams.at,
        why: 'Versions are dense: an engine that loses one has lost an event.',
      });
    }
    yield events;
    after += events.length;
  }
}
