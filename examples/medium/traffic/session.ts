// One visitor's browser: keeps cookies and a bearer token, sends one request at a time, records what it meets.
import { type Dispatcher, request } from 'undici';
import type { Pace } from './pace.ts';
import type { Promised, TrafficRecord } from './traffic-record.ts';

/** What all sessions share. */
export interface Network {
  readonly baseUrl: string;
  readonly dispatcher: Dispatcher;
  readonly pace: Pace;
  readonly record: TrafficRecord;
}

export interface Answer {
  readonly status: number;
  readonly json: unknown;
  /** The request and the side that answered it, for samples. */
  readonly request: string;
  readonly side: string;
}

type CommandMethod = 'POST' | 'PUT' | 'DELETE';

export class Session {
  readonly #network: Network;
  readonly #cookies = new Map<string, string>();
  #token: string | undefined;

  constructor(network: Network) {
    this.#network = network;
  }

  get isLoggedIn(): boolean {
    return this.#token !== undefined;
  }

  logIn(token: string): void {
    this.#token = token;
  }

  /** Null when it failed; then nothing is known. */
  async query(path: string): Promise<Answer | null> {
    const answer = await this.#send('GET', path);
    if (answer) this.#network.record.queryAnswered(answer.side);
    return answer;
  }

  /** Null when it failed; then it may or may not have been carried out. */
  async command(method: CommandMethod, path: string, body?: object): Promise<Answer | null> {
    const answer = await this.#send(method, path, body);
    if (!answer) return null;
    const { record } = this.#network;
    if (answer.status < 300) record.commandAcknowledged();
    else
      record.commandRefused(answer.request, `${answer.status} ${JSON.stringify(answer.json)}`.slice(0, 200));
    return answer;
  }

  /** Checks a promise on the answer of a query; an answer that failed proves nothing. */
  check(
    promise: Promised,
    answer: Answer | null,
    isKept: (answer: Answer) => boolean,
    describe: { readonly expected: string; readonly found: (json: unknown) => unknown },
  ): void {
    if (!answer) return;
    this.#network.record.checked(isKept(answer), {
      promise,
      request: answer.request,
      side: answer.side,
      expected: describe.expected,
      found: `${answer.status} ${JSON.stringify(describe.found(answer.json)) ?? 'nothing'}`.slice(0, 200),
    });
  }

  async #send(method: 'GET' | CommandMethod, path: string, body?: object): Promise<Answer | null> {
    const { baseUrl, dispatcher, pace, record } = this.#network;
    await pace();
    record.requestSent();
    const label = `${method} ${path}`;
    try {
      const response = await request(baseUrl + path, {
        method,
        dispatcher,
        headers: this.#headers(body !== undefined),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.body.text();
      this.#keepCookies(response.headers['set-cookie']);
      if (response.statusCode === 401) this.#token = undefined;
      if (response.statusCode >= 500) {
        record.requestFailed(label, `${response.statusCode} ${text.slice(0, 200)}`);
        return null;
      }
      const side = String(response.headers['banyan-side'] ?? '');
      return { status: response.statusCode, json: parse(text), request: label, side };
    } catch (error) {
      record.requestFailed(label, describeError(error));
      return null;
    }
  }

  #headers(hasBody: boolean): Record<string, string> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return {
      accept: 'application/json',
      ...(hasBody && { 'content-type': 'application/json' }),
      ...(this.#token !== undefined && { authorization: `Bearer ${this.#token}` }),
      ...(cookie !== '' && { cookie }),
    };
  }

  /** Name and value; an expired cookie is dropped. Path and domain do not matter: there is one server. */
  #keepCookies(header: string | readonly string[] | undefined): void {
    for (const line of typeof header === 'string' ? [header] : (header ?? [])) {
      const [, name, value] = /^([^=;]+)=([^;]*)/.exec(line) ?? [];
      if (name === undefined || value === undefined) continue;
      const isExpired = /;\s*max-age=(0|-\d+)\s*(;|$)/i.test(line);
      if (isExpired) this.#cookies.delete(name.trim());
      else this.#cookies.set(name.trim(), value.trim());
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? `${String(error.code)} ${error.message}` : error.message;
}
