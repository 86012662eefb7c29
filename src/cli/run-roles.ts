// Keeps roles up until Ctrl-C or SIGTERM, or until one of them cannot go on; then stops them all, last started first.
import type { Role } from '../app/role.ts';
import type { Output } from './output.ts';

export async function runRoles(roles: readonly Role[], output: Output, signal: AbortSignal): Promise<void> {
  for (const role of roles) {
    output.row({ role: role.name, url: role.url ?? null, control: role.controlUrl, pid: process.pid }, () =>
      `${role.name.padEnd(22)} ${(role.url ?? '').padEnd(26)} control ${role.controlUrl}`.trimEnd(),
    );
  }
  const stopped = new Promise<void>((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
  try {
    await Promise.race([stopped, ...roles.map((role) => role.finished)]);
  } finally {
    for (const role of [...roles].reverse()) await role[Symbol.asyncDispose]();
  }
}
