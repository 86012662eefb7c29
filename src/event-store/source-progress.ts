// The compare-and-set on a source's progress, and the frontier it gives to readers. One definition for every engine.
import { formatLsn } from '../kernel/lsn.ts';
import type { AppendOptions, SourceProgress } from './event-store.ts';

type SourceWrite = NonNullable<AppendOptions['source']>;

/** False: somebody else moved this source meanwhile. Throws a RangeError when the writer itself goes backwards. */
export function isSourceCurrent(write: SourceWrite, stored: SourceProgress | undefined): boolean {
  const { expected } = write;
  const isCurrent =
    stored === undefined || expected === undefined
      ? stored === expected
      : stored.lsn === expected.lsn && stored.position === expected.position;
  if (isCurrent && stored && (write.lsn < stored.lsn || write.position < stored.position)) {
    throw new RangeError(
      `Progress of source ${write.name} would go backwards: ${formatLsn(write.lsn)} at position ${write.position}, ` +
        `stored is ${formatLsn(stored.lsn)} at position ${stored.position}`,
    );
  }
  return isCurrent;
}
