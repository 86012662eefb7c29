// The event store port as an executable contract: every sentence of its comments is a case. Third parties run it against
// their own engine with node:test and nothing else; a capability that an engine lacks shows as skipped.
import { describe, test } from 'node:test';
import { appendCases } from './event-store/append-cases.ts';
import type { Capability, EventStoreCase, LogUnderTest } from './event-store/case.ts';
import { contentCases } from './event-store/content-cases.ts';
import { followCases } from './event-store/follow-cases.ts';
import { lifecycleCases } from './event-store/lifecycle-cases.ts';
import { readCases } from './event-store/read-cases.ts';
import { retryCases } from './event-store/retry-cases.ts';
import { sourceCases } from './event-store/source-cases.ts';

export type { Capability, EventStoreCase, LogUnderTest } from './event-store/case.ts';

export const EVENT_STORE_CASES: readonly EventStoreCase[] = [
  ...contentCases,
  ...appendCases,
  ...retryCases,
  ...sourceCases,
  ...readCases,
  ...followCases,
  ...lifecycleCases,
];

/** `make` gives a new, empty log for each case. */
export function eventStoreContract(
  name: string,
  make: () => Promise<LogUnderTest>,
  capabilities: Readonly<Record<Capability, boolean>>,
): void {
  describe(`event store contract: ${name}`, () => {
    for (const { name: claim, needs, run } of EVENT_STORE_CASES) {
      const skip = needs && !capabilities[needs] ? `${name} is not ${needs}` : false;
      test(claim, { skip }, async () => {
        await using log = await make();
        await run(log);
      });
    }
  });
}
