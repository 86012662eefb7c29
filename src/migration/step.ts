// The steps that a move is made of. A planned step is a value; the same value is printed by --plan and run by the executor.
// Each step may be run again after a crash anywhere: it finds done what is done.
import type { BackfillProgress } from '../backfill/backfill.ts';
import { readTableCopy } from '../backfill/table-copy.ts';
import { type TableOpened, tableStream } from '../capture/change.ts';
import type { Domain } from '../domain/domain.ts';
import { BanyanError } from '../kernel/error.ts';
import { uuidv7 } from '../kernel/uuid.ts';
import { waitUntil } from '../runtime/wait.ts';
import { inputsOf, type MigrationContext } from './ports.ts';
import type { Move } from './transition.ts';

export type PlannedStep =
  | { readonly step: 'open-source'; readonly what: string }
  | { readonly step: 'publish-tables'; readonly what: string; readonly tables: readonly string[] }
  | { readonly step: 'copy-table'; readonly what: string; readonly table: string }
  | { readonly step: 'await-projections'; readonly what: string; readonly domains: readonly string[] }
  | { readonly step: 'withdraw-tables'; readonly what: string; readonly tables: readonly string[] };
type StepName = PlannedStep['step'];
type StepOf<N extends StepName> = Extract<PlannedStep, { readonly step: N }>;

export interface StepRun {
  readonly context: MigrationContext;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: BackfillProgress) => void;
  /** Something worth saying while it goes on. */
  readonly onNote: (text: string) => void;
}

/** What a step found out that is worth recording. */
export interface StepFindings {
  readonly rows?: number;
}

const PROJECTION_WAIT_MS = 600_000;

export const STEPS: { readonly [N in StepName]: (step: StepOf<N>, run: StepRun) => Promise<StepFindings> } = {
  'open-source': async (_step, { context }) => {
    await context.admin.open();
    return {};
  },

  'publish-tables': async ({ tables }, { context, signal, onNote }) => {
    // A new generation first: from here on what is known of the rows counts as out of date.
    for (const table of tables) await openTable(context, table);
    await context.admin.publish(tables, {
      signal,
      onWaiting: (blockers) => onNote(`waiting for transactions that were running: ${blockers}`),
    });
    return {};
  },

  'copy-table': async ({ table }, { context, signal, onProgress }) => {
    const rows = await context.backfiller.copy(table, { signal, ...(onProgress ? { onProgress } : {}) });
    return { rows };
  },

  'await-projections': async ({ domains }, { context, signal, onNote }) => {
    const head = (await context.eventLog.head()).position;
    for (const domain of domains) {
      // A service that does not run holds nobody up here: the gates of the next stage ask for it.
      const reached = await waitUntil(
        async () => {
          const status = await context.probe.service(domain);
          return !status || status.error !== null || status.position >= head;
        },
        { timeoutMs: PROJECTION_WAIT_MS, everyMs: 50, signal },
      );
      if (signal.aborted) throw new BanyanError('INTERRUPTED', 'Stopped waiting for the projections');
      if (!reached) onNote(`the projection of ${domain} is still behind`);
    }
    return {};
  },

  'withdraw-tables': async ({ tables }, { context }) => {
    await context.admin.withdraw(tables);
    return {};
  },
};

export function runStep(step: PlannedStep, run: StepRun): Promise<StepFindings> {
  const apply = STEPS[step.step] as (step: PlannedStep, run: StepRun) => Promise<StepFindings>;
  return apply(step, run);
}

/** What has to be done before (or, going back, after) the stage is written down. */
export function stepsOf(context: MigrationContext, domain: Domain, move: Move): readonly PlannedStep[] {
  const tables = Object.keys(domain.capture.tables);
  if (move.direction === 'rollback') {
    if (move.to.stage !== 'mapped') return [];
    return [{ step: 'withdraw-tables', what: `take ${tables.join(', ')} out of the publication`, tables }];
  }
  if (move.to.stage === 'capturing') {
    return [
      { step: 'open-source', what: 'create publication and replication slot, unless they exist' },
      {
        step: 'publish-tables',
        what: `add ${tables.join(', ')} to the publication, then wait until running transactions have ended`,
        tables,
      },
    ];
  }
  if (move.to.stage === 'backfilled') {
    const listeners = context.domains
      .filter((other) => other === domain || inputsOf(context, other).includes(domain))
      .map(({ name }) => name);
    return [
      ...tables.map(
        (table) =>
          ({ step: 'copy-table', what: `copy the existing rows of ${table} into the log`, table }) as const,
      ),
      {
        step: 'await-projections',
        what: `let the stores of ${listeners.join(', ')} take them in`,
        domains: listeners,
      },
    ];
  }
  return [];
}

/** Opens the table's next generation, unless one was opened and nothing of it was used yet. */
async function openTable(context: MigrationContext, table: string): Promise<void> {
  const copy = await readTableCopy(context.changeLog, context.source, table);
  if (copy.generation === 0 || copy.plan) await reopenTable(context, table);
}

/** Begins a new generation of the table's copy: all rows are read anew, and what differs from what is known is mended. */
export async function reopenTable({ changeLog, source }: MigrationContext, table: string): Promise<void> {
  const { generation, version } = await readTableCopy(changeLog, source, table);
  const opened: TableOpened = { table, generation: generation + 1 };
  const event = {
    id: uuidv7(),
    type: 'TableOpened',
    time: new Date().toISOString(),
    schemaVersion: 1,
    data: opened,
    meta: { origin: 'backfill' },
  } as const;
  const outcome = await changeLog.append([
    { stream: tableStream(source, table), expected: version, events: [event] },
  ]);
  if (outcome.outcome !== 'appended')
    throw new BanyanError('MIGRATION_CONFLICT', `Somebody else is opening or copying the table ${table}`);
}
