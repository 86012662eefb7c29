// The verification's stores: each lives as long as one comparison, in a file of its own.
import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openSqliteReadStore } from '../projection/sqlite/sqlite-read-store.ts';
import type { ScratchStores } from '../verification/ports.ts';

export function scratchStores(folder: string): ScratchStores {
  return async (projection) => {
    await mkdir(folder, { recursive: true });
    const path = join(folder, `${projection.name}-${randomUUID()}.db`);
    const store = await openSqliteReadStore({ path, projection });
    return {
      checkpoint: () => store.checkpoint(),
      load: (table, keys) => store.load(table, keys),
      parked: () => store.parked(),
      commit: (...written) => store.commit(...written),
      snapshot: () => store.snapshot(),
      async [Symbol.asyncDispose]() {
        await store[Symbol.asyncDispose]();
        for (const suffix of ['', '-wal', '-shm']) await rm(`${path}${suffix}`, { force: true });
      },
    };
  };
}
