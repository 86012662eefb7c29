// A process of the example: started, known to be ready, and stopped or killed on demand. Its words go to a log file.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface ProcessOptions {
  readonly name: string;
  /** Script and arguments for this very Node. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Asked every 25 ms, with the process's id, until it answers true. */
  readonly isReady: (pid: number) => Promise<boolean>;
  readonly readyTimeoutMs?: number;
}

export interface RunningProcess extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly hasExited: boolean;
  /** SIGTERM, and SIGKILL when it has not gone after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
}

/** Resolves once `isReady`; rejects with the end of the log when the process ends before that. */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, 'a');
  const child = spawn(process.execPath, [...options.command], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  const deadline = performance.now() + (options.readyTimeoutMs ?? 60_000);
  while (!(await options.isReady(child.pid!).catch(() => false))) {
    if (isGone(child) || performance.now() > deadline) {
      child.kill('SIGKILL');
      const tail = readFileSync(options.logFile, 'utf8').slice(-2_000).trim();
      throw new Error(`${options.name} did not start:\n${tail}`);
    }
    await new Promise((done) => setTimeout(done, 25));
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!isGone(child)) child.kill(signal);
    await exited;
  };
  const stop = async (graceMs = 10_000): Promise<void> => {
    const lastResort = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await end('SIGTERM').finally(() => clearTimeout(lastResort));
  };
  return {
    name: options.name,
    pid: child.pid!,
    get hasExited() {
      return isGone(child);
    },
    stop,
    kill: () => end('SIGKILL'),
    [Symbol.asyncDispose]: () => stop(),
  };
}

function isGone(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** A readiness check: the address answers with a status below 400, and names no process but this one. */
export function answers(url: string): (pid: number) => Promise<boolean> {
  return async (pid) => {
    const response = await fetch(url, { signal: AbortSignal.timeout(1_000) });
    const named = /"pid":(\d+)/.exec(await response.text())?.[1];
    return response.status < 400 && (named === undefined || Number(named) === pid);
  };
}
