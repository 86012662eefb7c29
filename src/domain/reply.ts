// An answer with a status of its own. Anything else that a query returns is 200 with that as its JSON.
import type { Reply } from './domain.ts';

class QueryReply implements Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>>) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

export function reply(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return new QueryReply(status, body, headers);
}

export function isReply(value: unknown): value is Reply {
  return value instanceof QueryReply;
}
