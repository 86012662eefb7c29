// Readable addresses: the title in lower-case ASCII. Uniqueness is the database's part.

/** `Über Trees & Rivers!` becomes `uber-trees-rivers`; `fallback` where nothing readable is left. */
export function slugify(title: string, fallback: string): string {
  const words = title
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  const slug = words.join('-').slice(0, 60).replace(/-$/, '');
  return slug === '' ? fallback : slug;
}
