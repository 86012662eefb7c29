// The publication: which tables the slot delivers. Starts empty and grows domain by domain.
import { type PostgresClient, queryText, quoteName } from '../../postgres/connect.ts';

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** Creates the publication, empty, unless it exists. Changes of partitions come under their root's name. */
export async function createPublication(client: PostgresClient, publication: string): Promise<void> {
  const found = await queryText(client, 'SELECT 1 AS found FROM pg_publication WHERE pubname = $1', [
    publication,
  ]);
  if (found.length > 0) return;
  await queryText(
    client,
    `CREATE PUBLICATION ${quoteName(publication)} WITH (publish_via_partition_root = true)`,
  );
}

export async function publishedTables(
  client: PostgresClient,
  publication: string,
): Promise<readonly TableName[]> {
  const rows = await queryText(
    client,
    `SELECT n.nspname AS schema, c.relname AS table FROM pg_publication p
       JOIN pg_publication_rel r ON r.prpubid = p.oid JOIN pg_class c ON c.oid = r.prrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE p.pubname = $1 ORDER BY 1, 2`,
    [publication],
  );
  return rows.map((row) => ({ schema: row.schema!, table: row.table! }));
}

/** Adds the tables that are not in it yet. The caller fences afterwards: see `fence.ts`. */
export async function addTables(
  client: PostgresClient,
  publication: string,
  tables: readonly TableName[],
): Promise<void> {
  const there = (await publishedTables(client, publication)).map(nameOf);
  const missing = tables.map(nameOf).filter((name) => !there.includes(name));
  if (missing.length > 0)
    await queryText(client, `ALTER PUBLICATION ${quoteName(publication)} ADD TABLE ${missing.join(', ')}`);
}

/** Removes the tables that are in it. */
export async function dropTables(
  client: PostgresClient,
  publication: string,
  tables: readonly TableName[],
): Promise<void> {
  const there = (await publishedTables(client, publication)).map(nameOf);
  const present = tables.map(nameOf).filter((name) => there.includes(name));
  if (present.length > 0)
    await queryText(client, `ALTER PUBLICATION ${quoteName(publication)} DROP TABLE ${present.join(', ')}`);
}

function nameOf({ schema, table }: TableName): string {
  return quoteName(schema, table);
}
