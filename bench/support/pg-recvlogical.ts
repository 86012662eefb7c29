// `pg_recvlogical`, PostgreSQL's own reader of a logical slot: the peer of capture. Comes with Debian's postgresql-client.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface SlotReader {
  readonly url: string;
  readonly slot: string;
  readonly publication: string;
}

/** Where it is; undefined, and a word on stderr, when it is nowhere. */
export function findPgRecvlogical(): string | undefined {
  // The versions' own folders first: what Debian has on the PATH is a script that looks for one of them.
  const folders = [
    ...globSync('/usr/lib/postgresql/*/bin').sort().reverse(),
    ...(process.env.PATH ?? '').split(delimiter),
  ];
  const found = folders.map((folder) => join(folder, 'pg_recvlogical')).find((path) => existsSync(path));
  if (!found)
    console.error('No pg_recvlogical here, so no peer: install the Debian package postgresql-client.');
  return found;
}

/** Streams the slot into `file` (`-`: its stdout); ends by itself once it has everything up to `endLsn`. */
export function startPgRecvlogical(
  program: string,
  { url, slot, publication }: SlotReader,
  { file, endLsn }: { readonly file: string; readonly endLsn?: string },
): ChildProcess {
  const flags = [
    ...['--start', `--dbname=${url}`, `--slot=${slot}`, `--file=${file}`, '--no-loop'],
    ...['--option=proto_version=1', `--option=publication_names=${publication}`, '--option=messages=true'],
    ...(endLsn ? [`--endpos=${endLsn}`] : []),
  ];
  return spawn(program, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
}
