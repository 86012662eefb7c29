// Ends an answer whose request is not yet all there. Closing with bytes unread makes TCP discard what the client has not
// read yet, so the rest is taken in and thrown away first, for a bounded time.
import type { IncomingMessage, ServerResponse } from 'node:http';

export function endAfterLinger(request: IncomingMessage, response: ServerResponse, lingerMs: number): void {
  if (request.complete || request.destroyed) {
    response.end();
    return;
  }
  const end = (): void => {
    clearTimeout(timer);
    request.off('end', end);
    response.off('close', end);
    if (!response.writableEnded) response.end();
  };
  const timer = setTimeout(end, lingerMs);
  request.on('end', end);
  response.on('close', end);
  request.resume();
}
