// Asks a role's control endpoint. A role that does not answer is CONTROL_UNREACHABLE; what it refuses with a code keeps it.
import { BanyanError, ERRORS, type ErrorCode } from '../kernel/error.ts';

export interface ControlClient {
  status<T>(): Promise<T>;
  post<T>(command: string, input?: unknown, signal?: AbortSignal): Promise<T>;
}

const STATUS_TIMEOUT_MS = 3_000;

export function controlClient(name: string, url: string, token: string): ControlClient {
  const ask = async <T>(path: string, init: RequestInit): Promise<T> => {
    let response: Response;
    let body: unknown;
    try {
      response = await fetch(`${url}${path}`, { ...init, headers: { authorization: `Bearer ${token}` } });
      body = await response.json();
    } catch (cause) {
      if (init.signal?.aborted && (init.signal.reason as Error)?.name !== 'TimeoutError')
        throw new BanyanError('INTERRUPTED', `Stopped asking ${name}`);
      throw new BanyanError('CONTROL_UNREACHABLE', `The role ${name} does not answer`, { at: url, cause });
    }
    if (response.ok) return body as T;
    if (response.status === 401 || response.status === 403) {
      throw new BanyanError('CONTROL_FORBIDDEN', `The role ${name} refuses the control token`, { at: url });
    }
    throw refusal(name, url, body);
  };
  return {
    status: (): Promise<never> => ask('/status', { signal: AbortSignal.timeout(STATUS_TIMEOUT_MS) }),
    post: (command, input, signal): Promise<never> =>
      ask(`/${command}`, {
        method: 'POST',
        body: JSON.stringify(input ?? {}),
        ...(signal ? { signal } : {}),
      }),
  };
}

function refusal(name: string, url: string, body: unknown): BanyanError {
  const { code, what, at, why, remedy } = body as {
    code?: string;
    what?: string;
    at?: string;
    why?: string;
    remedy?: string;
  };
  if (code === undefined || !(code in ERRORS)) {
    return new BanyanError('CONTROL_UNREACHABLE', `The role ${name} failed to answer`, {
      at: url,
      remedy: "Look at the role's log.",
    });
  }
  return new BanyanError(code as ErrorCode, what ?? code, {
    at: at ?? url,
    ...(why ? { why } : {}),
    ...(remedy ? { remedy } : {}),
  });
}
