// Ends an answer whose request is not yet all there. Closing with bytes unread makes TCP discard what the client has not
// read yet, so the rest is taken in and thrown away first, for a bounded time.
import type { IncomingMessage, ServerResponse } from 'node:http';

const lingering = new WeakMap<ServerResponse, () => void>();

export function endAfterLinger(request: IncomingMessage, response: ServerResponse, lingerMs: number): void {
  if (request.complete || request.destroyed) {
    response.end();
    return;
  }
  const end = (): void => {
    clearTimeout(timer);
    request.off('end', end);
    response.off('close', end);
    lingering.delete(response);
    if (!response.writableEnded) response.end();
  };
  const timer = setTimeout(end, lingerMs);
  lingering.set(response, end);
  request.on('end', end);
  response.on('close', end);
  request.resume();
}

/** The rest turned out to be no request at all: ends the answer now. False when it was not lingering. */
export function cutLinger(response: ServerResponse): boolean {
  const end = lingering.get(response);
  end?.();
  return end !== undefined;
}
