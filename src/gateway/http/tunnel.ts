// WebSocket: the handshake goes on to the side of its route, and from `101` on bytes go both ways untouched. The end or
// the failure of either side ends the other; a slow one holds the other back.
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { GatewayLimits } from '../limits.ts';
import { clientHeaders } from './answer-head.ts';
import type { AnswerHead } from './answer-parser.ts';
import { type RequestHead, renderHead } from './request-head.ts';
import type { Upstream } from './upstream.ts';
import type { AnswerSink, UpstreamFault } from './upstream-connection.ts';

export interface TunnelPlan {
  readonly request: IncomingMessage;
  readonly client: Socket;
  /** What the client has already sent behind its handshake. */
  readonly rest: Buffer;
  readonly head: RequestHead;
  readonly upstream: Upstream;
  readonly limits: GatewayLimits;
  readonly answerHeaders: readonly string[];
}

/** `done` is called once, when the tunnel has closed; with a fault when the upstream failed and the client has got nothing. */
export function openTunnel(plan: TunnelPlan, done: (fault: UpstreamFault | undefined) => void): void {
  const { request, client, rest, head, upstream, limits, answerHeaders } = plan;
  let finish: typeof done | undefined = done;
  const end = (fault?: UpstreamFault): void => {
    const tell = finish;
    finish = undefined;
    client.off('close', onClientClosed);
    tell?.(fault);
  };
  const onClientClosed = (): void => {
    exchange.abort();
    end();
  };
  let isHeadWritten = false;
  const writeHead = (answer: AnswerHead, connection: readonly string[]): void => {
    isHeadWritten = true;
    client.write(answerText(answer, [...connection, ...answerHeaders]), 'latin1');
  };
  const sink: AnswerSink = {
    information: () => undefined,
    // Not upgraded: an ordinary answer, after which the connection closes.
    head: (answer) => writeHead(answer, ['connection', 'close']),
    body: (chunk) => {
      if (client.write(chunk)) return;
      exchange.pause();
      client.once('drain', () => exchange.resume());
    },
    end: () => {
      client.end();
      end();
    },
    flush: () => undefined,
    drain: () => undefined,
    upgraded: (answer, socket, early) => {
      writeHead(answer, ['connection', 'Upgrade', 'upgrade', request.headers.upgrade ?? 'websocket']);
      if (early.length > 0) client.write(early);
      if (rest.length > 0) socket.write(rest);
      splice(client, socket, limits.streamIdleMs, end);
    },
    fault: (fault) => {
      if (isHeadWritten) client.destroy();
      end(isHeadWritten ? undefined : fault);
    },
  };
  client.on('error', () => client.destroy());
  client.on('close', onClientClosed);
  const names = ['connection', 'Upgrade', 'upgrade', request.headers.upgrade ?? 'websocket'];
  const text = renderHead(head, names);
  const exchange = upstream.send(
    { method: head.method, head: text, hasBody: false, isUpgrade: true, answerMs: limits.answerMs },
    sink,
  );
}

/** An answer that is no upgrade comes with the framing of a closed connection: its end is the connection's. */
function answerText(answer: AnswerHead, extra: readonly string[]): string {
  const headers = [...clientHeaders(answer, false), ...extra];
  let text = `HTTP/1.1 ${answer.status} ${answer.reason}\r\n`;
  for (let at = 0; at < headers.length; at += 2) text += `${headers[at]}: ${headers[at + 1]}\r\n`;
  return `${text}\r\n`;
}

function splice(client: Socket, upstream: Socket, idleMs: number, closed: () => void): void {
  const close = (): void => {
    client.destroy();
    upstream.destroy();
    closed();
  };
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.setTimeout(idleMs, close);
    from.on('error', close);
    from.on('close', close);
    from.pipe(to);
  }
}
