// Verification: a service's store against the monolith's tables, every row, at one LSN that both sides stood at. Nothing is
// sampled and nothing is excused by time, so that it cries no wolf while both sides move.
import type { Domain } from '../domain/domain.ts';
import { formatLsn } from '../kernel/lsn.ts';
import { compareTables, type Difference, type TableComparison } from './compare-tables.ts';
import { fillExpected } from './expected-store.ts';
import type { ScratchStores, SnapshotSource, StoreUnderTest } from './ports.ts';

export interface VerificationReport {
  readonly domain: string;
  readonly lsn: string;
  readonly rowsVerified: number;
  readonly rowsDiffering: number;
  readonly tables: readonly Omit<TableComparison, 'samples'>[];
  /** At most 20. */
  readonly samples: readonly Difference[];
  readonly seconds: number;
}

export interface VerifyOptions {
  readonly domain: Domain;
  /** The domain's own and every other that its projection listens to. */
  readonly inputs: readonly Domain[];
  readonly source: SnapshotSource;
  readonly store: StoreUnderTest;
  readonly scratch: ScratchStores;
  readonly onProgress?: (text: string) => void;
}

export async function verifyDomain(options: VerifyOptions): Promise<VerificationReport> {
  const { domain, inputs, store, onProgress } = options;
  const startedAt = performance.now();
  // Held first, so that the place which the source's snapshot fixes lies ahead of the store.
  await store.hold();
  await using source = await options.source.take();
  const actual = await store.snapshot(source.lsn);
  try {
    await using expected = await options.scratch(domain.projection);
    await fillExpected(expected, domain, inputs, source, (rows) => onProgress?.(`${rows} source rows read`));
    await using told = await expected.snapshot();
    const tables: TableComparison[] = [];
    for (const [name, table] of Object.entries(domain.projection.tables)) {
      onProgress?.(`comparing ${name}`);
      tables.push(
        await compareTables(
          name,
          table,
          (after) => told.page(name, after, 1_000),
          (after) => actual.page(name, after),
        ),
      );
    }
    return {
      domain: domain.name,
      lsn: formatLsn(source.lsn),
      rowsVerified: tables.reduce((sum, { rows }) => sum + rows, 0),
      rowsDiffering: tables.reduce((sum, { rowsDiffering }) => sum + rowsDiffering, 0),
      tables: tables.map(({ table, rows, rowsDiffering }) => ({ table, rows, rowsDiffering })),
      samples: tables.flatMap(({ samples }) => samples).slice(0, 20),
      seconds: Math.round(performance.now() - startedAt) / 1_000,
    };
  } finally {
    await actual.close();
  }
}
