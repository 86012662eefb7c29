// The web front's files, read once into memory: a request can only name what is in this map, so no path escapes the folder.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

export interface StaticFile {
  readonly content: Buffer;
  readonly contentType: string;
  readonly etag: string;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** Files by their web path; links and unknown kinds are left out. */
export async function loadStaticFiles(folder: string): Promise<ReadonlyMap<string, StaticFile>> {
  const files = new Map<string, StaticFile>();
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const contentType = CONTENT_TYPES[extname(entry.name)];
    if (!entry.isFile() || !contentType) continue;
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path);
    const etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
    files.set(path.slice(folder.length).split(sep).join('/').replace(/^\/?/, '/'), {
      content,
      contentType,
      etag,
    });
  }
  return files;
}

/** The file at a decoded path; a page address of the front (`/p/some-story`) is its index, a missing file is nothing. */
export function findStaticFile(files: ReadonlyMap<string, StaticFile>, path: string): StaticFile | undefined {
  const isPage = extname(path) === '' && !path.includes('..') && !path.includes('\\');
  return files.get(path) ?? (isPage ? files.get('/index.html') : undefined);
}
