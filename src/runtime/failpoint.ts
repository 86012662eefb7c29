// Named places between a write and its confirmation where a test kills the process: `BANYAN_FAILPOINTS=name` or
// `name@3` (the third time), several separated by commas. Costs one map look-up when unset.

/** Every failpoint in the code; a test walks the list. */
export const FAILPOINTS = [
  'capture.before-append',
  'capture.after-append',
  'capture.after-confirm',
  'translation.before-append',
  'translation.after-append',
  'translation.after-state',
  'projection.before-commit',
  'projection.after-commit',
  'backfill.after-read',
  'backfill.after-chunk',
  'backfill.after-mark',
  'backfill.before-complete',
] as const;
export type Failpoint = (typeof FAILPOINTS)[number];

const armed = new Map<string, number>();
for (const entry of (process.env.BANYAN_FAILPOINTS ?? '').split(',').filter(Boolean)) {
  const [name, hits] = entry.split('@');
  armed.set(name!, Number(hits ?? 1));
}

/** SIGKILLs this process when the failpoint is armed and its count is reached. */
export function failpoint(name: Failpoint): void {
  const left = armed.get(name);
  if (left === undefined) return;
  if (left > 1) armed.set(name, left - 1);
  else process.kill(process.pid, 'SIGKILL');
}
