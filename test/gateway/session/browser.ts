// A client that keeps its cookies, as a browser does, and shows which side answered it.

export interface Page {
  readonly status: number;
  /** `monolith` or `service`; empty where the gateway answered by itself. */
  readonly side: string;
  readonly body: string;
  readonly headers: Headers;
}

export class Browser {
  readonly cookies = new Map<string, string>();
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Page> {
    return this.#send(path, { headers });
  }

  post(path: string, body = ''): Promise<Page> {
    return this.#send(path, { method: 'POST', body });
  }

  async #send(path: string, request: RequestInit): Promise<Page> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...request.headers, ...(cookie !== '' && { cookie }) };
    const response = await fetch(this.#url + path, { ...request, headers, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      this.cookies.set(name!, value!);
    }
    const side = response.headers.get('banyan-side') ?? '';
    return { status: response.status, side, body: await response.text(), headers: response.headers };
  }
}
