// Malformed input is refused with a RangeError before any engine sees it, so that all engines refuse the same.
import type { NewEvent } from '../kernel/event.ts';
import { categoryOf, type ExpectedVersion } from '../kernel/stream.ts';
import type { AppendOptions, SourceProgress, StreamWrite } from './event-store.ts';

export function checkAppend(writes: readonly StreamWrite[], options: AppendOptions): void {
  for (const { stream, expected, events } of writes) {
    categoryOf(stream);
    checkText('Stream name', stream);
    checkExpected(expected);
    for (const event of events) checkEvent(event);
  }
  if (options.idempotencyKey !== undefined) checkText('Idempotency key', options.idempotencyKey);
  if (options.source) checkSource(options.source);
}

/** The JSON text that engines store. Throws a RangeError on what JSON cannot say: undefined, a bigint, a cycle. */
export function jsonText(what: string, value: unknown): string {
  let text: string | undefined;
  let cause: unknown;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    cause = error;
  }
  if (text === undefined) throw new RangeError(`${what} is not JSON`, { cause });
  return text;
}

export function checkPosition(what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`${what} is ${value} (expected a whole number from 0)`);
  }
}

export function checkBatchSize(value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(`Batch size is ${value} (expected a whole number from 1)`);
  }
}

function checkEvent(event: NewEvent): void {
  checkText('Event id', event.id);
  checkText('Event type', event.type);
  checkText('Event time', event.time);
  if (!Number.isSafeInteger(event.schemaVersion)) {
    throw new RangeError(`Schema version is ${event.schemaVersion} (expected a whole number)`);
  }
}

/** NUL and lone surrogates do not survive every database's text. */
function checkText(what: string, text: string): void {
  if (typeof text !== 'string' || text === '' || text.includes('\0') || !text.isWellFormed()) {
    throw new RangeError(
      `${what} is ${JSON.stringify(text)} (expected text without NUL and lone surrogates)`,
    );
  }
}

function checkExpected(expected: ExpectedVersion): void {
  if (typeof expected === 'number') checkPosition('Expected version', expected);
  else if (expected !== 'none' && expected !== 'exists' && expected !== 'any') {
    throw new RangeError(`Expected version is ${String(expected)} (expected a number, none, exists or any)`);
  }
}

function checkSource(source: NonNullable<AppendOptions['source']>): void {
  checkProgress(source);
  const { expected } = source;
  if (!expected) return;
  checkProgress(expected);
  if (expected.name !== source.name) {
    throw new RangeError(`Progress of source "${source.name}" expects that of "${expected.name}"`);
  }
  if (source.lsn < expected.lsn || source.position < expected.position) {
    throw new RangeError(`Progress of source "${source.name}" goes backwards`);
  }
}

function checkProgress({ name, lsn, position }: SourceProgress): void {
  checkText('Source name', name);
  checkPosition('Source position', position);
  if (typeof lsn !== 'bigint' || lsn < 0n || lsn > 0xffff_ffff_ffff_ffffn) {
    throw new RangeError(`LSN of source "${name}" is ${String(lsn)} (expected 64 bits)`);
  }
}
