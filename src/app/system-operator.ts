// The operator of one machine's system: its ports joined to PostgreSQL, the logs and the roles' control endpoints.
import { userInfo } from 'node:os';
import { runBackfill } from '../backfill/backfill.ts';
import { postgresRowSource } from '../backfill/postgres/postgres-row-source.ts';
import { readTableCopy } from '../backfill/table-copy.ts';
import { type Finding, inspectSource } from '../capture/postgres/doctor.ts';
import { type ControlClient, controlClient } from '../control/control-client.ts';
import type { CaptureStatus, GatewayStatus, ServiceStatus } from '../control/role-status.ts';
import type { Domain } from '../domain/domain.ts';
import type { EventStore } from '../event-store/event-store.ts';
import { BanyanError, errorCode } from '../kernel/error.ts';
import { STAGES } from '../kernel/stage.ts';
import { type Migration, readMigration, record } from '../migration/migration.ts';
import { applyPlan, type MigrationPlan, type MoveResult, planMove } from '../migration/move.ts';
import { inputsOf, type MigrationContext } from '../migration/ports.ts';
import { reopenTable } from '../migration/step.ts';
import type { Direction, MoveRequest } from '../migration/transition.ts';
import type { ParkedStream } from '../projection/read-store.ts';
import { pause } from '../runtime/wait.ts';
import { postgresSnapshots } from '../verification/postgres/exported-snapshot.ts';
import { type VerificationReport, verifyDomain } from '../verification/verify.ts';
import type { Config } from './config.ts';
import type { CopyOptions, MoveAsked, Operator } from './operator.ts';
import { scratchStores } from './scratch-stores.ts';
import { postgresSourceAdmin } from './source-admin.ts';
import { storeUnderTest } from './store-under-test.ts';
import {
  type DomainStatus,
  type ParkedItem,
  parkedItems,
  type SystemStatus,
  troubleOf,
} from './system-status.ts';
import { workspacePaths } from './workspace.ts';

export class SystemOperator implements Operator {
  readonly config: Config;
  readonly #eventLog: EventStore;
  readonly #changeLog: EventStore;
  readonly #owned: AsyncDisposableStack;
  readonly #by = userInfo().username;
  readonly #capture: ControlClient;
  readonly #gateway: ControlClient;
  readonly #services: ReadonlyMap<string, ControlClient>;
  readonly #context: MigrationContext;

  constructor(
    config: Config,
    eventLog: EventStore,
    changeLog: EventStore,
    token: string,
    owned: AsyncDisposableStack,
  ) {
    this.config = config;
    this.#eventLog = eventLog;
    this.#changeLog = changeLog;
    this.#owned = owned;
    const control = (name: string, port: number): ControlClient =>
      controlClient(name, `http://127.0.0.1:${port}`, token);
    this.#capture = control('capture', config.capture.controlPort);
    this.#gateway = control('gateway', config.gateway.controlPort);
    this.#services = new Map(
      Object.entries(config.services).map(([name, { controlPort }]) => [
        name,
        control(`service ${name}`, controlPort),
      ]),
    );
    this.#context = {
      domains: config.domains,
      source: config.sourceName,
      eventLog,
      changeLog,
      admin: postgresSourceAdmin(config, changeLog),
      backfiller: { copy: (table, options) => this.#copy(table, options) },
      probe: {
        capture: () => answerOf(this.#capture.status<CaptureStatus>()),
        service: (name) => answerOf(this.#services.get(name)!.status<ServiceStatus>()),
        traffic: async (name) =>
          (await answerOf(this.#gateway.status<GatewayStatus>()))?.domains.find(
            ({ domain }) => domain === name,
          ) ?? null,
      },
      limits: config.gates,
    };
  }

  domain(name: string): Domain {
    const domain = this.config.domains.find((known) => known.name === name);
    if (domain) return domain;
    throw new BanyanError('DOMAIN_UNKNOWN', `There is no domain ${name}`, {
      at: `config ${this.config.name}`,
      remedy: `Use one of: ${this.config.domains.map((known) => known.name).join(', ')}.`,
    });
  }

  async status(): Promise<SystemStatus> {
    const [capture, gateway] = await Promise.all([
      answerOf(this.#capture.status<CaptureStatus>()),
      answerOf(this.#gateway.status<GatewayStatus>()),
    ]);
    const domains = await Promise.all(
      this.config.domains.map(async ({ name }): Promise<DomainStatus> => {
        const { route, verification } = await this.migration(name);
        const service = await this.#context.probe.service(name);
        const traffic = gateway?.domains.find(({ domain }) => domain === name) ?? null;
        return {
          domain: name,
          route,
          verification,
          service,
          traffic,
          trouble: troubleOf(route, service, traffic, verification),
        };
      }),
    );
    return { name: this.config.name, at: new Date().toISOString(), domains, capture, gateway };
  }

  migration(name: string): Promise<Migration> {
    return readMigration(this.#eventLog, name);
  }

  doctor(): Promise<readonly Finding[]> {
    const { url, slot } = this.config.source;
    const tables = this.config.domains.flatMap(({ capture }) => Object.keys(capture.tables));
    return inspectSource({ url, slot, source: this.config.domains[0]!.capture.source, tables });
  }

  plan(name: string, direction: Direction, request: MoveRequest): Promise<MigrationPlan> {
    return planMove(this.#context, this.domain(name), direction, request);
  }

  promote(name: string, options: MoveAsked): Promise<MoveResult> {
    return this.#move(name, 'promote', options);
  }

  rollback(name: string, options: MoveAsked): Promise<MoveResult> {
    return this.#move(name, 'rollback', options);
  }

  async backfill(
    name: string,
    options: CopyOptions,
  ): Promise<{ domain: string; rows: number; tables: readonly string[] }> {
    const domain = this.domain(name);
    const migration = await this.migration(name);
    if (migration.route.stage === 'mapped') {
      throw new BanyanError(
        'TRANSITION_REFUSED',
        `${name} is mapped: its tables are not captured, so a copy would miss changes`,
        {
          remedy: `banyan promote ${name} --to capturing`,
        },
      );
    }
    // A copy rests on a slot that lost nothing.
    await this.#context.admin.open();
    const tables = Object.keys(domain.capture.tables);
    let rows = 0;
    for (const table of tables) {
      const copy = await readTableCopy(this.#changeLog, this.config.sourceName, table);
      if (copy.completed) await reopenTable(this.#context, table);
      rows += await this.#copy(table, options);
    }
    await record(
      this.#eventLog,
      await this.migration(name),
      { type: 'BackfillRecorded', data: { rows, by: this.#by } },
      this.#by,
    );
    return { domain: name, rows, tables };
  }

  async verify(
    name: string,
    { onProgress }: { readonly signal: AbortSignal; readonly onProgress?: (text: string) => void },
  ): Promise<VerificationReport> {
    const domain = this.domain(name);
    const inputs = [domain, ...inputsOf(this.#context, domain)];
    for (const input of inputs) {
      const { stage } = (await this.migration(input.name)).route;
      if (STAGES.indexOf(stage) < STAGES.indexOf('backfilled')) {
        throw new BanyanError(
          'TRANSITION_REFUSED',
          `The store of ${name} cannot be verified yet: ${input.name} is ${stage}`,
          {
            remedy: `banyan promote ${input.name} --to backfilled`,
          },
        );
      }
    }
    const report = await verifyDomain({
      domain,
      inputs,
      source: postgresSnapshots(this.config.source.url),
      store: storeUnderTest(this.#services.get(name)!),
      scratch: scratchStores(workspacePaths(this.config).scratch),
      ...(onProgress ? { onProgress } : {}),
    });
    const { lsn, rowsVerified: rows, rowsDiffering } = report;
    const data = { lsn, rows, rowsDiffering, by: this.#by };
    await record(
      this.#eventLog,
      await this.migration(name),
      { type: 'VerificationRecorded', data },
      this.#by,
    );
    return report;
  }

  async rebuild(
    name: string,
    { signal, timeoutMs, onProgress }: Parameters<Operator['rebuild']>[1],
  ): Promise<{ domain: string; position: number; seconds: number }> {
    const service = this.#services.get(this.domain(name).name)!;
    const startedAt = performance.now();
    await service.post('rebuild', undefined, signal);
    for (;;) {
      const status = await service.status<ServiceStatus>();
      const { rebuild } = status;
      const seconds = (performance.now() - startedAt) / 1_000;
      if (!rebuild)
        return { domain: name, position: status.position, seconds: Math.round(seconds * 10) / 10 };
      const { position, head, eventsPerSecond } = rebuild;
      onProgress?.({
        label: name,
        table: name,
        rows: position,
        totalRows: head,
        isEstimate: false,
        rowsPerSecond: eventsPerSecond,
        etaSeconds: eventsPerSecond > 0 ? (head - position) / eventsPerSecond : null,
        throttledBy: null,
        isDone: false,
      });
      if (signal.aborted)
        throw new BanyanError('INTERRUPTED', `Stopped watching; the rebuild of ${name} goes on`);
      if (seconds * 1_000 > timeoutMs)
        throw new BanyanError(
          'WAIT_TIMED_OUT',
          `The rebuild of ${name} is not done after ${Math.round(seconds)} s`,
        );
      await pause(100, signal);
    }
  }

  async parked(name?: string): Promise<readonly ParkedItem[]> {
    const { domains, capture } = await this.status();
    const only = name === undefined ? undefined : this.domain(name).name;
    return parkedItems(this.config.domains, domains, capture).filter(
      ({ domain }) => only === undefined || domain === only,
    );
  }

  async parkedStream(name: string, stream: string): Promise<ParkedStream> {
    const { parked } = await this.#services.get(this.domain(name).name)!.status<ServiceStatus>();
    const found = parked.find((one) => one.stream === stream);
    if (found) return found;
    throw new BanyanError('TRANSITION_REFUSED', `The stream ${stream} is not parked in ${name}`, {
      remedy: `See \`banyan parked list ${name}\`.`,
    });
  }

  async retryParked(
    name: string,
    stream: string | undefined,
    signal: AbortSignal,
  ): Promise<readonly ParkedStream[]> {
    const service = this.#services.get(this.domain(name).name)!;
    if (stream !== undefined) await this.parkedStream(name, stream);
    const { parked } = await service.post<{ parked: readonly ParkedStream[] }>(
      'parked-retry',
      { stream },
      signal,
    );
    return parked;
  }

  async skipParked(name: string, stream: string, signal: AbortSignal): Promise<ParkedStream> {
    const parked = await this.parkedStream(name, stream);
    await this.#services.get(name)!.post('parked-skip', { stream }, signal);
    return parked;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned[Symbol.asyncDispose]();
  }

  async #move(name: string, direction: Direction, options: MoveAsked): Promise<MoveResult> {
    const domain = this.domain(name);
    const plan = await planMove(this.#context, domain, direction, options);
    const { onProgress, ...rest } = options;
    return applyPlan(this.#context, domain, plan, {
      ...rest,
      by: this.#by,
      ...(onProgress ? { onProgress: (progress) => onProgress({ ...progress, label: progress.table }) } : {}),
    });
  }

  async #copy(name: string, { signal, rowsPerSecond, onProgress }: CopyOptions): Promise<number> {
    const table = this.config.domains[0]!.capture.source.tables[name]!;
    await using rows = postgresRowSource({ url: this.config.source.url, size: 4 });
    return await runBackfill({
      rows,
      changeLog: this.#changeLog,
      eventLog: this.#eventLog,
      source: this.config.sourceName,
      name,
      table,
      signal,
      ...(rowsPerSecond === undefined ? {} : { limits: { rowsPerSecond } }),
      ...(onProgress ? { onProgress: (progress) => onProgress({ ...progress, label: progress.table }) } : {}),
    });
  }
}

/** Null when the role does not answer; a token that is refused is a fault. */
async function answerOf<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch (error) {
    if (errorCode(error) === 'CONTROL_UNREACHABLE') return null;
    throw error;
  }
}
