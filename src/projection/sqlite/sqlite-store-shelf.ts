// A folder of store files, `1.db`, `2.db` …, and a file `live` that names the one in use, replaced by a rename.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Projection } from '../../domain/domain.ts';
import { errorCode } from '../../kernel/error.ts';
import type { ShelvedStore, StoreShelf } from '../store-shelf.ts';
import { openSqliteReadStore } from './sqlite-read-store.ts';

export function sqliteStoreShelf(folder: string, projection: Projection): StoreShelf {
  const file = (number: number): string => join(folder, `${number}.db`);
  const liveNumber = async (): Promise<number | undefined> => {
    const text = await readFile(join(folder, 'live'), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : Number(text);
  };
  const numbers = async (): Promise<readonly number[]> => {
    const names = await readdir(folder).catch(() => []);
    return names.flatMap((name) => (/^\d+\.db$/.test(name) ? [Number.parseInt(name, 10)] : []));
  };
  const remove = async (number: number): Promise<void> => {
    for (const suffix of ['', '-wal', '-shm']) await rm(`${file(number)}${suffix}`, { force: true });
  };

  return {
    async openLive(): Promise<ShelvedStore | undefined> {
      const number = await liveNumber();
      if (number === undefined || !(await numbers()).includes(number)) return undefined;
      try {
        return { number, store: await openSqliteReadStore({ path: file(number), projection }) };
      } catch (error) {
        // Another version's tables: it is built anew, and this one is kept until then.
        if (errorCode(error) === 'STORE_SCHEMA') return undefined;
        throw error;
      }
    },

    async create(): Promise<ShelvedStore> {
      await mkdir(folder, { recursive: true });
      const live = await liveNumber();
      const present = await numbers();
      for (const number of present) if (number !== live) await remove(number);
      const number = Math.max(0, ...present) + 1;
      return { number, store: await openSqliteReadStore({ path: file(number), projection }) };
    },

    async makeLive({ number }: ShelvedStore): Promise<void> {
      const next = join(folder, 'live.next');
      await writeFile(next, String(number));
      await rename(next, join(folder, 'live'));
    },
  };
}
