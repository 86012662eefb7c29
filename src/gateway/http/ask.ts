// Asks an upstream off the client's path and keeps the whole answer, up to a cap.
import { AnswerCopy, type CapturedAnswer } from './answer-copy.ts';
import type { AnswerHead } from './answer-parser.ts';
import type { Upstream } from './upstream.ts';

/** Undefined when there is no whole answer: no connection, no time, too large, malformed. Never rejects. */
export function ask(
  upstream: Upstream,
  request: {
    readonly method: string;
    readonly head: string;
    readonly answerMs: number;
    readonly maxBytes: number;
    readonly signal: AbortSignal;
  },
): Promise<CapturedAnswer | undefined> {
  const { signal } = request;
  if (signal.aborted) return Promise.resolve(undefined);
  const { promise, resolve } = Promise.withResolvers<CapturedAnswer | undefined>();
  const copy = new AnswerCopy(request.maxBytes);
  let head: AnswerHead | undefined;
  let size = 0;
  const abort = (): void => {
    exchange.abort();
    finish(undefined);
  };
  const deadline = setTimeout(abort, request.answerMs);
  const finish = (answer: CapturedAnswer | undefined): void => {
    clearTimeout(deadline);
    signal.removeEventListener('abort', abort);
    resolve(answer);
  };
  signal.addEventListener('abort', abort, { once: true });
  const exchange = upstream.send(
    {
      method: request.method,
      head: request.head,
      hasBody: false,
      isUpgrade: false,
      answerMs: request.answerMs,
    },
    {
      information: () => undefined,
      head: (answer) => {
        head = answer;
      },
      body: (chunk) => {
        size += chunk.length;
        copy.push(chunk);
        if (size > request.maxBytes) abort();
      },
      end: () => finish(head && copy.finish(head.status, head.headers)),
      flush: () => undefined,
      drain: () => undefined,
      upgraded: (_head, socket) => {
        socket.destroy();
        finish(undefined);
      },
      fault: () => finish(undefined),
    },
  );
  return promise;
}
