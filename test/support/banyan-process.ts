// The command as a user meets it: a process with its own exit code, stdout and stderr.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';

const PROJECT = resolve(import.meta.dirname, '../..');
const TIME_MAX_MS = 60_000;

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The one config of these tests; a word `--config` in `words` names another. */
export function banyan(
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const config = words.includes('--config') ? [] : ['--config', join(PROJECT, 'test/cli/shop.config.ts')];
  const child = spawn(process.execPath, [join(PROJECT, 'bin/banyan.js'), ...words, ...config], {
    env: { ...process.env, NO_COLOR: '1', BANYAN_LOG_LEVEL: 'silent', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIME_MAX_MS,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }));
  return { child, ended };
}

/** A port for the gateway such that every role of the shop finds its own one free; below those of outgoing connections. */
export async function freePorts(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = 15_000 + randomInt(14_000);
    const used = [port, port + 10, port + 1_000, port + 1_001, port + 1_010];
    if ((await Promise.all(used.map(isFree))).every(Boolean)) return port;
  }
  throw new Error('No free TCP ports were found on 127.0.0.1');
}

function isFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((done) => {
    probe.once('error', () => done(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
  });
}
