// The gateway role: the proxy in front of monolith and services, following the migration's decisions in the log.
import { startControlServer } from '../control/control-server.ts';
import { startGateway } from '../gateway/gateway.ts';
import { postgresSourcePosition } from '../gateway/postgres/postgres-source-position.ts';
import { createLog, type Log } from '../runtime/log.ts';
import type { Config } from './config.ts';
import { type Role, supervise } from './role.ts';
import { controlToken, openEventLog, sessionSecret } from './workspace.ts';

export async function startGatewayRole(config: Config, log: Log = createLog('gateway')): Promise<Role> {
  const stopping = new AbortController();
  await using opened = new AsyncDisposableStack();
  const eventLog = opened.use(await openEventLog(config));
  const sourcePosition = opened.use(postgresSourcePosition(config.source.url));
  const { host, port, monolith, shadowSampleRate, freshnessWaitMs } = config.gateway;
  const gateway = opened.use(
    await startGateway({
      host,
      port,
      monolithUrl: monolith,
      services: Object.fromEntries(
        Object.entries(config.services).map(([name, at]) => [name, `http://${at.host}:${at.port}`]),
      ),
      domains: config.domains,
      eventLog,
      sourceName: config.sourceName,
      sourcePosition,
      tokenSecret: await sessionSecret(config),
      shadowSampleRate,
      limits: { freshnessWaitMs },
      log,
      signal: stopping.signal,
    }),
  );
  const control = opened.use(
    await startControlServer({
      port: config.gateway.controlPort,
      token: await controlToken(config),
      log,
      // A gateway stays ready when a service is down: it can still send to the monolith.
      isReady: () => true,
      status: () => gateway.status(),
      metrics: () => gateway.figures(),
    }),
  );
  const owned = opened.move();
  const { finished, stop } = supervise(gateway.finished, async () => stopping.abort());
  return {
    name: 'gateway',
    url: gateway.url,
    controlUrl: control.url,
    finished,
    async [Symbol.asyncDispose]() {
      await stop();
      await owned[Symbol.asyncDispose]();
    },
  };
}
