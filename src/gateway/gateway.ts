// The strangler facade in front of monolith and services. It is ready as long as the monolith can be reached by it at all:
// a service that is down, behind or slow costs its clients nothing but that the monolith answers.
import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { BlockList, isIPv6 } from 'node:net';
import type { Metric } from '../control/metrics.ts';
import type { GatewayStatus } from '../control/role-status.ts';
import type { Domain } from '../domain/domain.ts';
import type { EventStore } from '../event-store/event-store.ts';
import { BanyanError } from '../kernel/error.ts';
import type { Log } from '../runtime/log.ts';
import { pause } from '../runtime/wait.ts';
import { Evidence } from './evidence.ts';
import { followRoutes } from './follow-routes.ts';
import { type GatewayParts, handleRequest, handleUpgrade } from './handle-request.ts';
import { createFrontServer, listen } from './http/front-server.ts';
import { Upstream } from './http/upstream.ts';
import { DEFAULT_LIMITS, type GatewayLimits } from './limits.ts';
import { buildRouteTable, withRoute } from './route-table.ts';
import { ServiceSide } from './service-side.ts';
import { ReadYourWrites } from './session/read-your-writes.ts';
import type { SourcePosition } from './session/source-position.ts';
import { compileJsonPath } from './shadow/json-path.ts';
import { ShadowComparison } from './shadow/shadow.ts';
import { TrafficFigures } from './traffic-figures.ts';

export interface GatewayOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  readonly monolithUrl: string;
  /** By domain. */
  readonly services: Readonly<Record<string, string>>;
  readonly domains: readonly Domain[];
  readonly eventLog: EventStore;
  readonly sourceName: string;
  readonly sourcePosition: SourcePosition;
  /** The same for every gateway in front of one monolith. */
  readonly tokenSecret: string;
  /** Share of the monolith's answers to compare, 0 to 1. */
  readonly shadowSampleRate: number;
  /** Addresses or subnets (`10.0.0.0/8`) whose `X-Forwarded-*` are believed. */
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<GatewayLimits>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface RunningGateway extends AsyncDisposable {
  readonly url: string;
  status(): GatewayStatus;
  /** Counters, and a histogram of latency, since this gateway started. */
  figures(): readonly Metric[];
  /** Takes no new connection, lets what is in flight end within its bound, then ends the rest. */
  drain(): Promise<void>;
  /** Rejects when the gateway cannot go on following the routes; resolves once `signal` aborted or it was drained. */
  readonly finished: Promise<void>;
}

/**
 * Resolves when the routes are as the log has them and the port is open. Aborting `signal` drains.
 * Rejects with PORT_IN_USE, or CONFIG_INVALID for a route that cannot be claimed.
 */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const { domains, log, sourceName } = options;
  const limits: GatewayLimits = { ...DEFAULT_LIMITS, ...options.limits };
  const stopping = new AbortController();
  const signal = AbortSignal.any([options.signal, stopping.signal]);
  const monolith = new Upstream(options.monolithUrl, limits);
  const services = new Map(
    Object.entries(options.services).map(([domain, url]) => [
      domain,
      new ServiceSide(url, limits, sourceName),
    ]),
  );
  const readYourWrites = new ReadYourWrites({
    sourceName,
    sourcePosition: options.sourcePosition,
    secret: options.tokenSecret,
    sessions: limits.sessions,
    positionMs: limits.positionMs,
  });
  const { sampler } = readYourWrites;
  const shadow = new ShadowComparison({ limits, sampler, sourceName, signal });
  const figures = new TrafficFigures(domains.map(({ name }) => name));
  const evidence = new Evidence((domain) => {
    const { readsByService, fallbackBehind, fallbackFailed } = figures.domain(domain);
    const { compared, differs } = shadow.figures(domain);
    return { readsByService, fallbackBehind, fallbackFailed, compared, differs };
  });
  let table = buildRouteTable(domains);
  let isDraining = false;
  const parts: GatewayParts = {
    table: () => table,
    monolith,
    services,
    readYourWrites,
    shadow,
    shadowSampleRate: options.shadowSampleRate,
    ignored: compileIgnored(domains),
    figures,
    limits,
    headOptions: {
      via: `banyan-${randomBytes(4).toString('hex')}`,
      headers: limits.headers,
      bodyBytes: limits.bodyBytes,
      isTrusted: trustOf(options.trustedProxies ?? []),
    },
    log,
    signal,
    isDraining: () => isDraining,
  };

  const { finished } = await followRoutes({
    eventLog: options.eventLog,
    signal,
    log,
    onChange: (domain, route) => {
      // A domain that another config knows is none of this gateway's.
      if (!(domain in table.routes)) return;
      table = withRoute(table, domain, route);
      evidence.moved(domain);
      log.info({ domain, stage: route.stage, percent: route.percent }, 'route changed');
    },
  });
  // The history of the source is known before the first token is shown; when not, the first write finds out.
  sampler
    .sample()
    .catch((error: unknown) => log.warn({ err: error }, 'the source does not say its position'));

  const tunnels = new Set<Socket>();
  const { server, closeUnused } = createFrontServer(limits, {
    request: (request, response, isExpecting) => handleRequest(parts, request, response, isExpecting),
    upgrade: (request, socket, rest) => {
      tunnels.add(socket);
      socket.once('close', () => tunnels.delete(socket));
      handleUpgrade(parts, request, socket, rest);
    },
  });

  let draining: Promise<void> | undefined;
  const drain = (): Promise<void> => {
    draining ??= (async () => {
      isDraining = true;
      const grace = new AbortController();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      closeUnused();
      await Promise.race([closed.then(() => grace.abort()), pause(limits.drainMs, grace.signal)]);
      server.closeAllConnections();
      for (const socket of tunnels) socket.destroy();
      stopping.abort();
      await closed;
      await Promise.all([monolith, ...[...services.values()].map(({ upstream }) => upstream)].map(close));
      await shadow.settled();
    })();
    return draining;
  };
  let url: string;
  try {
    url = await listen(server, options.host, options.port);
  } catch (error) {
    stopping.abort();
    throw error;
  }
  if (signal.aborted) await drain();
  else options.signal.addEventListener('abort', () => void drain(), { once: true });

  return {
    url,
    finished,
    figures: () => figures.metrics(),
    drain,
    status: () => ({
      role: 'gateway',
      requests: figures.requests,
      inFlight: figures.inFlight,
      domains: domains.map(({ name }) => ({
        domain: name,
        route: table.routes[name]!,
        ...figures.domain(name),
        shadow: shadow.figures(name),
        sinceMove: evidence.sinceMove(name),
        shadowSamples: shadow.samples(name),
      })),
    }),
    [Symbol.asyncDispose]: drain,
  };
}

function compileIgnored(domains: readonly Domain[]): GatewayParts['ignored'] {
  return new Map(
    domains.flatMap(({ queries }) =>
      Object.entries(queries).map(([pattern, { ignore }]) => [pattern, ignore.map(compileJsonPath)] as const),
    ),
  );
}

function trustOf(proxies: readonly string[]): (address: string) => boolean {
  if (proxies.length === 0) return () => false;
  const list = new BlockList();
  for (const proxy of proxies) {
    const [address, prefix] = proxy.split('/') as [string, string | undefined];
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    try {
      if (prefix === undefined) list.addAddress(address, family);
      else list.addSubnet(address, Number(prefix), family);
    } catch (cause) {
      const what = `Trusted proxy \`${proxy}\` is neither an address nor a subnet`;
      throw new BanyanError('CONFIG_INVALID', what, { at: 'gateway', cause });
    }
  }
  return (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

async function close(upstream: Upstream): Promise<void> {
  await upstream[Symbol.asyncDispose]();
}
