// An answer with a status of its own. Anything else that a query returns is 200 with that as its JSON.
import type { Reply } from './domain.ts';

/** Known to every copy of this module, because a service's definition may have loaded another one. */
const BRAND = Symbol.for('banyan.reply');

class QueryReply implements Reply {
  readonly [BRAND] = true;
  readonly status: number;
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>>) {
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** `body` is sent as JSON; undefined = no body. */
export function reply(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return new QueryReply(status, body, headers);
}

export function isReply(value: unknown): value is Reply {
  return typeof value === 'object' && value !== null && BRAND in value;
}
