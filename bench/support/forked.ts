// A part of a benchmark in a process of its own: started with `fork`, ready when it says so, gone when the benchmark is,
// even if that was killed.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

export interface Forked {
  /** What it said when it was ready. */
  readonly ready: unknown;
  /** Sends one question and resolves with the answer; one at a time. */
  ask(question: object): Promise<unknown>;
}

export async function forkPart(
  held: AsyncDisposableStack,
  path: string,
  args: readonly string[] = [],
): Promise<Forked> {
  const child = fork(path, [...args], {
    execArgv: ['--no-deprecation'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  held.defer(() => void child.kill());
  return {
    ready: await said(child),
    ask(question) {
      child.send(question);
      return said(child);
    },
  };
}

async function said(child: ChildProcess): Promise<unknown> {
  const stop = new AbortController();
  const exited = once(child, 'exit', { signal: stop.signal }).then(([code]) => {
    throw new Error(`${child.spawnargs[1]} ended with ${code}`);
  });
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal: stop.signal }), exited])) as [
      unknown,
    ];
    return message;
  } finally {
    exited.catch(() => undefined);
    stop.abort();
  }
}

/** In the part itself: says that it is ready, and ends with the benchmark. */
export function ready(message: unknown): void {
  process.once('disconnect', () => process.exit());
  process.send!(message);
}
