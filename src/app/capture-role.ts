// The capture role: source to change log to event log. One of all capture processes works, the others stand by.
import { hostname } from 'node:os';
import { readSourceOpened, runCapture } from '../capture/capture.ts';
import { keepFlushed } from '../capture/postgres/flush-wal.ts';
import { postgresChangeSource } from '../capture/postgres/postgres-change-source.ts';
import { inspectSlot, type SlotState } from '../capture/postgres/slot.ts';
import { startControlServer } from '../control/control-server.ts';
import type { Metric } from '../control/metrics.ts';
import type { CaptureStatus } from '../control/role-status.ts';
import { errorCode } from '../kernel/error.ts';
import { formatLsn, LSN_ZERO, type Lsn } from '../kernel/lsn.ts';
import { connectPostgres } from '../postgres/connect.ts';
import { createLog, type Log } from '../runtime/log.ts';
import { pause } from '../runtime/wait.ts';
import { holdLease } from '../subscription/hold-lease.ts';
import { openSqliteLeaseStore } from '../subscription/sqlite/sqlite-lease-store.ts';
import { openSqliteTranslationState } from '../translation/sqlite/sqlite-translation-state.ts';
import { runTranslation } from '../translation/translation.ts';
import type { TranslationState } from '../translation/translation-state.ts';
import type { Config } from './config.ts';
import { type Role, supervise } from './role.ts';
import { controlToken, openChangeLog, openEventLog, workspacePaths } from './workspace.ts';

const LEASE_MS = 10_000;
const UNOPENED_POLL_MS = 100;
const SLOT_EVERY_MS = 2_000;

interface Counters {
  state: CaptureStatus['state'];
  frontier: Lsn;
  transactions: number;
  changes: number;
  eventsCaptured: number;
  eventsBackfilled: number;
  lagMs: number | null;
  slot: SlotState | undefined;
}

export async function startCaptureRole(config: Config, log: Log = createLog('capture')): Promise<Role> {
  const stopping = new AbortController();
  await using opened = new AsyncDisposableStack();
  const changeLog = opened.use(await openChangeLog(config));
  const eventLog = opened.use(await openEventLog(config));
  const leases = opened.use(await openSqliteLeaseStore({ path: workspacePaths(config).leases }));
  const counters: Counters = {
    state: 'unopened',
    frontier: LSN_ZERO,
    transactions: 0,
    changes: 0,
    eventsCaptured: 0,
    eventsBackfilled: 0,
    lagMs: null,
    slot: undefined,
  };
  let state: TranslationState | undefined;
  const control = opened.use(
    await startControlServer({
      port: config.capture.controlPort,
      token: await controlToken(config),
      log,
      isReady: () => true,
      status: () => statusOf(config, counters, state),
      metrics: () => metricsOf(config, counters),
    }),
  );
  const owned = opened.move();

  const work = async (): Promise<void> => {
    const { signal } = stopping;
    while (!signal.aborted && !(await readSourceOpened(changeLog, config.sourceName)))
      await pause(UNOPENED_POLL_MS, signal);
    while (!signal.aborted) {
      const lease = await holdLease(leases, `capture ${config.sourceName}`, `${hostname()} ${process.pid}`, {
        ttlMs: LEASE_MS,
        signal,
        onStandby: () => {
          counters.state = 'standby';
        },
      });
      if (!lease) return;
      try {
        await captureUnderLease(lease.signal);
      } catch (error) {
        // Whoever took over carries on; this process stands by again.
        if (errorCode(error) !== 'FENCED' || signal.aborted) throw error;
        log.warn({ err: error }, 'another capture took over');
      } finally {
        await lease[Symbol.asyncDispose]();
      }
    }
  };

  async function captureUnderLease(leased: AbortSignal): Promise<void> {
    const failing = new AbortController();
    const signal = AbortSignal.any([leased, failing.signal]);
    using translation = openSqliteTranslationState(workspacePaths(config).translation, {
      changeLog: changeLog.identity,
      eventLog: eventLog.identity,
    });
    state = translation;
    counters.frontier = (await eventLog.sourceProgress(config.sourceName))?.lsn ?? LSN_ZERO;
    await using source = postgresChangeSource({ ...config.source, name: config.sourceName });
    const parts = [
      runCapture({
        source,
        changeLog,
        signal,
        log,
        onState: (now) => {
          counters.state = now;
        },
        onProgress: ({ transactions, changes }) => {
          counters.transactions += transactions;
          counters.changes += changes;
        },
      }),
      runTranslation({
        changeLog,
        eventLog,
        domains: config.domains,
        source: config.sourceName,
        state: translation,
        signal,
        log,
        onProgress: ({ frontier, eventsCaptured, eventsBackfilled, lagMs }) => {
          counters.frontier = frontier;
          counters.eventsCaptured += eventsCaptured;
          counters.eventsBackfilled += eventsBackfilled;
          counters.lagMs = lagMs ?? counters.lagMs;
        },
      }),
      watchSlot(config, counters, signal, log),
      keepFlushed(config.source.url, { signal, log }),
    ];
    for (const part of parts) part.catch(() => failing.abort());
    await Promise.allSettled(parts);
    state = undefined;
    // The first failure is the cause; the others were stopped by it.
    await Promise.all(parts);
  }

  const { finished, stop } = supervise(work(), async () => stopping.abort());
  return {
    name: 'capture',
    url: undefined,
    controlUrl: control.url,
    finished,
    async [Symbol.asyncDispose]() {
      await stop();
      await owned[Symbol.asyncDispose]();
    },
  };
}

/** How much WAL the slot makes the source keep, looked at now and then; a source that does not answer is capture's to tell. */
async function watchSlot(config: Config, counters: Counters, signal: AbortSignal, log: Log): Promise<void> {
  while (!signal.aborted) {
    try {
      const client = await connectPostgres(config.source.url, { applicationName: 'banyan capture' });
      try {
        while (!signal.aborted) {
          counters.slot = await inspectSlot(client, config.source.slot);
          await pause(SLOT_EVERY_MS, signal);
        }
      } finally {
        await client.end();
      }
    } catch (error) {
      log.debug({ err: error }, 'the slot could not be looked at');
      await pause(SLOT_EVERY_MS, signal);
    }
  }
}

function statusOf(config: Config, counters: Counters, state: TranslationState | undefined): CaptureStatus {
  const figures = state?.figures() ?? { tables: [], unmapped: [], parked: [] };
  return {
    role: 'capture',
    state: counters.state,
    source: config.sourceName,
    frontier: formatLsn(counters.frontier),
    transactionsCaptured: counters.transactions,
    changesCaptured: counters.changes,
    eventsCaptured: counters.eventsCaptured,
    eventsBackfilled: counters.eventsBackfilled,
    lagMs: counters.lagMs,
    slotRetainedBytes: counters.slot?.retainedBytes ?? null,
    slotLimitBytes: counters.slot?.limitBytes ?? null,
    ...figures,
  };
}

function metricsOf(config: Config, counters: Counters): readonly Metric[] {
  const labels = { source: config.sourceName };
  const gauge = (name: string, help: string, value: number): Metric => ({
    name,
    type: 'gauge',
    help,
    samples: [{ labels, value }],
  });
  const counter = (name: string, help: string, value: number): Metric => ({
    ...gauge(name, help, value),
    type: 'counter',
  });
  return [
    counter(
      'banyan_capture_transactions_total',
      'Source transactions in the change log since this process started.',
      counters.transactions,
    ),
    counter(
      'banyan_capture_changes_total',
      'Row changes in the change log since this process started.',
      counters.changes,
    ),
    {
      name: 'banyan_translation_events_total',
      type: 'counter',
      help: 'Domain events appended since this process started.',
      samples: [
        { labels: { ...labels, origin: 'capture' }, value: counters.eventsCaptured },
        { labels: { ...labels, origin: 'backfill' }, value: counters.eventsBackfilled },
      ],
    },
    gauge(
      'banyan_capture_lag_seconds',
      'From the commit at the source to its event, of late.',
      (counters.lagMs ?? 0) / 1_000,
    ),
    gauge(
      'banyan_slot_retained_bytes',
      'WAL that the slot makes the source keep.',
      counters.slot?.retainedBytes ?? 0,
    ),
  ];
}
