// One benchmark in a process group of its own: whatever it started ends with it, also when it fails or is interrupted, and
// then its files go.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { waitUntil } from '../../src/runtime/wait.ts';

const BENCH_DATA = resolve(import.meta.dirname, '../../.data/bench');
const STOP_MS = 10_000;

/** Answers its exit code; 130 when `signal` aborted. */
export async function runApart(name: string, signal: AbortSignal): Promise<number> {
  mkdirSync(BENCH_DATA, { recursive: true });
  const folder = mkdtempSync(join(BENCH_DATA, `${name}-`));
  const child = fork(join(import.meta.dirname, 'run-benchmark.ts'), [name, folder], { detached: true });
  const group = -child.pid!;
  try {
    const [code] = (await once(child, 'exit', { signal })) as [number | null];
    return code ?? 1;
  } catch {
    return 130;
  } finally {
    await stop(group);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** SIGINT is what PostgreSQL takes for a fast shutdown. */
async function stop(group: number): Promise<void> {
  if (!send(group, 'SIGINT')) return;
  if (!(await waitUntil(() => !send(group, 0), { timeoutMs: STOP_MS }))) send(group, 'SIGKILL');
}

/** Whether there was anyone to send it to. */
function send(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(group, signal);
  } catch {
    return false;
  }
}
