// Whether what a writer believes about a stream is true. One definition for every engine.
import type { ExpectedVersion } from '../kernel/stream.ts';

export function isExpectationMet(expected: ExpectedVersion, actual: number): boolean {
  switch (expected) {
    case 'any':
      return true;
    case 'none':
      return actual === 0;
    case 'exists':
      return actual > 0;
    default:
      return expected === actual;
  }
}
