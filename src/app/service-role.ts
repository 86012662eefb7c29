// The service role of one domain: its projection and its queries, with the control commands of its store.
import { startControlServer } from '../control/control-server.ts';
import type { Metric } from '../control/metrics.ts';
import { BanyanError } from '../kernel/error.ts';
import { sqliteStoreShelf } from '../projection/sqlite/sqlite-store-shelf.ts';
import { createLog, type Log } from '../runtime/log.ts';
import { type RunningService, startService } from '../service/start-service.ts';
import { VerificationSnapshots } from '../service/verification-snapshots.ts';
import type { Config } from './config.ts';
import { type Role, supervise } from './role.ts';
import { controlToken, openEventLog, workspacePaths } from './workspace.ts';

export async function startServiceRole(
  config: Config,
  name: string,
  log: Log = createLog(`service ${name}`),
): Promise<Role> {
  const domain = config.domains.find((known) => known.name === name);
  if (!domain) {
    throw new BanyanError('DOMAIN_UNKNOWN', `There is no domain ${name}`, {
      remedy: `Use one of: ${config.domains.map((known) => known.name).join(', ')}.`,
    });
  }
  const address = config.services[name]!;
  await using opened = new AsyncDisposableStack();
  const eventLog = opened.use(await openEventLog(config));
  const shelf = sqliteStoreShelf(workspacePaths(config).store(name), domain.projection);
  const service = opened.use(
    await startService({ domain, eventLog, shelf, host: address.host, port: address.port, log }),
  );
  const snapshots = opened.use(new VerificationSnapshots(service.store, config.sourceName));
  const control = opened.use(
    await startControlServer({
      port: address.controlPort,
      token: await controlToken(config),
      log,
      isReady: () => service.store.isLive,
      status: () => service.status(),
      metrics: () => metricsOf(service),
      commands: {
        rebuild: () => service.store.rebuild(),
        'parked-retry': async (input) => ({
          parked: await service.store.liveProjector.retryParked((input as { stream?: string }).stream),
        }),
        'parked-skip': async (input) => ({
          wasParked: await service.store.liveProjector.skipParked((input as { stream: string }).stream),
        }),
        hold: () => snapshots.hold(),
        snapshot: (input) => snapshots.take(input),
        'snapshot-rows': (input) => snapshots.page(input),
        'snapshot-close': (input) => snapshots.close(input),
      },
    }),
  );
  const owned = opened.move();
  const stopped = Promise.withResolvers<void>();
  const { finished, stop } = supervise(stopped.promise, async () => stopped.resolve());
  return {
    name: `service ${name}`,
    url: service.url,
    controlUrl: control.url,
    finished,
    async [Symbol.asyncDispose]() {
      await stop();
      await owned[Symbol.asyncDispose]();
    },
  };
}

function metricsOf(service: RunningService): readonly Metric[] {
  const { domain, lagEvents, lagMs, position, queries, parked } = service.status();
  const labels = { domain };
  const gauge = (name: string, help: string, value: number): Metric => ({
    name,
    type: 'gauge',
    help,
    samples: [{ labels, value }],
  });
  return [
    gauge('banyan_projection_lag_events', 'Events of the log that the store has not seen.', lagEvents),
    gauge(
      'banyan_projection_lag_seconds',
      'How long ago the store last equalled the head of the log.',
      lagMs / 1_000,
    ),
    gauge('banyan_projection_parked_streams', 'Streams that stand still at an event.', parked.length),
    gauge('banyan_projection_position', 'Checkpoint in the log.', position),
    {
      name: 'banyan_service_queries_total',
      type: 'counter',
      help: 'Queries by how they ended.',
      samples: Object.entries(queries).map(([outcome, value]) => ({ labels: { domain, outcome }, value })),
    },
  ];
}
