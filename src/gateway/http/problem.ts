// The gateway's own answers: RFC 9457 problem documents with a request id, and never an upstream's address.
import { type ServerResponse, STATUS_CODES } from 'node:http';
import { endAfterLinger } from './linger.ts';

export interface Problem {
  readonly status: number;
  readonly detail: string;
  readonly requestId: string;
  /** The connection cannot be used again; what the client still sends is taken in for so long. */
  readonly lingerMs?: number;
  readonly headers?: readonly string[];
}

export function sendProblem(response: ServerResponse, problem: Problem): void {
  const body = problemBody(problem);
  response.writeHead(problem.status, STATUS_CODES[problem.status] ?? '', [
    'content-type',
    'application/problem+json',
    'content-length',
    String(Buffer.byteLength(body)),
    'cache-control',
    'no-store',
    'x-request-id',
    problem.requestId,
    ...(problem.lingerMs === undefined ? [] : ['connection', 'close']),
    ...(problem.headers ?? []),
  ]);
  if (problem.lingerMs === undefined) {
    response.end(body);
    return;
  }
  response.write(body);
  endAfterLinger(response.req, response, problem.lingerMs);
}

/** For a connection that has no parsed request to answer. */
export function rawProblem(problem: Problem, headers: readonly string[] = []): string {
  const body = problemBody(problem);
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${problem.requestId}`,
    'connection: close',
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

function problemBody({ status, detail, requestId }: Problem): string {
  return JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, requestId });
}
