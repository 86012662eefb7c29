// The compare of compare-and-set: what a writer believes against what is stored.
import type { ExpectedVersion } from '../kernel/stream.ts';
import type { SourceProgress } from './event-store.ts';

/** `actual` is the stream's version, 0 = empty. */
export function isVersionExpected(expected: ExpectedVersion, actual: number): boolean {
  switch (expected) {
    case 'any':
      return true;
    case 'none':
      return actual === 0;
    case 'exists':
      return actual > 0;
    default:
      return actual === expected;
  }
}

export function isProgressExpected(
  expected: SourceProgress | undefined,
  actual: SourceProgress | undefined,
): boolean {
  return expected?.lsn === actual?.lsn && expected?.position === actual?.position;
}
