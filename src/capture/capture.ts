// Capture: the source's transactions into the change log, raw and in commit order. A transaction and the progress behind
// it are one atomic append; only then is it confirmed to the source. So nothing is missing after a crash and nothing twice.
import type { EventStore, SourceProgress } from '../event-store/event-store.ts';
import { BanyanError } from '../kernel/error.ts';
import type { NewEvent } from '../kernel/event.ts';
import { formatLsn, LSN_ZERO, type Lsn, maxLsn, parseLsn } from '../kernel/lsn.ts';
import { derivedUuid } from '../kernel/uuid.ts';
import { failpoint } from '../runtime/failpoint.ts';
import type { Log } from '../runtime/log.ts';
import { retryForever } from '../runtime/retry.ts';
import { type SourceOpened, type SourceTransaction, slotStream, sourceStream } from './change.ts';
import type { ChangeSource, SourceBatch } from './change-source.ts';

export interface CaptureProgress {
  readonly frontier: Lsn;
  readonly transactions: number;
  readonly changes: number;
}

export interface CaptureOptions {
  readonly source: ChangeSource;
  readonly changeLog: EventStore;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Told after each append what it added. */
  readonly onProgress?: (progress: CaptureProgress) => void;
  readonly onState?: (state: 'streaming' | 'reconnecting') => void;
}

/**
 * Captures until `signal` aborts; reconnects by itself after faults that a retry can mend.
 * Rejects with SOURCE_NOT_OPENED, SOURCE_CHANGED, SLOT_MISSING, SLOT_GAP, and FENCED when another capture is at work.
 */
export async function runCapture(options: CaptureOptions): Promise<void> {
  const { source, changeLog, signal, log, onState } = options;
  await retryForever(
    async () => {
      const opened = await readSourceOpened(changeLog, source.name);
      if (!opened)
        throw new BanyanError('SOURCE_NOT_OPENED', `Nothing of source ${source.name} is captured yet`);
      await assertSameSource(source, opened.event);
      const stored = await changeLog.sourceProgress(source.name);
      // A slot that was made anew begins later than what the log has: what lies between was never captured.
      const after = maxLsn(stored?.lsn ?? LSN_ZERO, opened.startLsn);
      log.info({ source: source.name, after: formatLsn(after) }, 'capture streams');
      await streamInto(options, after, stored);
    },
    {
      signal,
      onRetry: (error, attempt, delayMs) => {
        onState?.('reconnecting');
        log.warn({ err: error, attempt, delayMs }, 'capture reconnects');
      },
    },
  );
}

async function streamInto(
  { source, changeLog, signal, onProgress, onState }: CaptureOptions,
  after: Lsn,
  stored: SourceProgress | undefined,
): Promise<void> {
  let expected = stored;
  for await (const batch of source.stream({ after, signal })) {
    onState?.('streaming');
    failpoint('capture.before-append');
    const progress: SourceProgress = { name: source.name, lsn: batch.frontier, position: 0 };
    const events = batch.transactions.map((transaction) => transactionCaptured(source.name, transaction));
    const outcome = await changeLog.append(
      events.length === 0 ? [] : [{ stream: sourceStream(source.name), expected: 'any', events }],
      { source: { ...progress, expected } },
    );
    if (outcome.outcome !== 'appended') {
      throw new BanyanError('FENCED', `Another capture of source ${source.name} is at work`, {
        at: sourceStream(source.name),
      });
    }
    failpoint('capture.after-append');
    expected = progress;
    source.confirm(batch.frontier);
    failpoint('capture.after-confirm');
    onProgress?.(summary(batch));
  }
}

function summary({ transactions, frontier }: SourceBatch): CaptureProgress {
  let changes = 0;
  for (const transaction of transactions) changes += transaction.changes.length;
  return { frontier, transactions: transactions.length, changes };
}

function transactionCaptured(source: string, transaction: SourceTransaction): NewEvent {
  return {
    id: derivedUuid(Date.parse(transaction.committedAt), `${source} ${transaction.endLsn}`),
    type: 'TransactionCaptured',
    time: transaction.committedAt,
    schemaVersion: 1,
    data: transaction,
    meta: {
      origin: 'capture',
      source: { name: source, lsn: transaction.endLsn, xid: String(transaction.xid) },
    },
  };
}

export interface OpenedSource {
  readonly event: SourceOpened;
  /** From where its slot has everything. */
  readonly startLsn: Lsn;
  /** Of its stream: what the next opening expects. */
  readonly version: number;
}

/** The newest opening of the source: which database it is, and where its slot began. */
export async function readSourceOpened(
  changeLog: EventStore,
  source: string,
): Promise<OpenedSource | undefined> {
  let newest: OpenedSource | undefined;
  for await (const events of changeLog.readStream(slotStream(source))) {
    const { data, meta, version } = events.at(-1)!;
    newest = { event: data as SourceOpened, startLsn: parseLsn(meta.source!.lsn), version };
  }
  return newest;
}

async function assertSameSource(source: ChangeSource, opened: SourceOpened): Promise<void> {
  const history = await source.history();
  if (history.systemId === opened.systemId && history.timeline === opened.timeline) return;
  throw new BanyanError(
    'SOURCE_CHANGED',
    `Source ${source.name} is another server, or went on on another timeline`,
    {
      why:
        `the log was opened on system ${opened.systemId}, timeline ${opened.timeline}; ` +
        `this is system ${history.systemId}, timeline ${history.timeline}`,
    },
  );
}
