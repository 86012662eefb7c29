// What of an old row the server writes to its log. A published table without a usable replica identity makes the monolith's
// own UPDATE and DELETE fail, and one that leaves the key out makes its changes anonymous.
import type { SourceTable } from '../../domain/source-schema.ts';
import { quoteName, type TextRow } from '../../postgres/connect.ts';
import type { Finding } from './doctor.ts';

const columnsOfIndex = (condition: string): string =>
  `(SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
      JOIN pg_attribute a ON a.attnum = k.attnum WHERE i.indrelid = c.oid AND ${condition} AND a.attrelid = c.oid)`;

/** Of the table `c` in `pg_class`: what `identityFindings` goes by, beside `relreplident AS identity`. */
export const IDENTITY_COLUMNS = `
  ${columnsOfIndex('i.indisprimary')} AS primary_key,
  ${columnsOfIndex('i.indisreplident')} AS identity_index,
  EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND NOT i.indimmediate) AS is_deferrable,
  EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attgenerated <> '' AND NOT a.attisdropped) AS has_generated`;

const FAILS = "publishing it would make the monolith's own UPDATE fail";

export function identityFindings(
  name: string,
  table: SourceTable,
  qualified: string,
  found: TextRow,
): readonly Finding[] {
  const primaryKey = found.primary_key?.split(',');
  if (primaryKey && [...primaryKey].sort().join() !== [...table.key].sort().join()) {
    return [
      {
        check: 'key',
        level: 'blocking',
        what: `the primary key of ${name} is (${found.primary_key}), the config declares (${table.key.join()})`,
        table: name,
      },
    ];
  }
  const fault = identityFault(name, table, found);
  if (!fault) return [];
  const key = table.key.map((column) => quoteName(column)).join(', ');
  // A key that is checked only at commit is no identity; without a primary key the default is none either.
  const remedy =
    found.is_deferrable === 't'
      ? 'REPLICA IDENTITY FULL'
      : `${primaryKey ? '' : `ADD PRIMARY KEY (${key}), `}REPLICA IDENTITY DEFAULT`;
  const sql = `ALTER TABLE ${qualified} ${remedy};`;
  return [{ check: 'replica-identity', level: 'blocking', what: fault, table: name, sql }];
}

function identityFault(name: string, table: SourceTable, found: TextRow): string | undefined {
  switch (found.identity) {
    case 'n':
      return `table ${name} has no replica identity: ${FAILS}`;
    case 'd':
      if (!found.primary_key) return `table ${name} has no primary key: ${FAILS}`;
      return found.is_deferrable === 't'
        ? `the primary key of ${name} is deferrable, so it is no replica identity: ${FAILS}`
        : undefined;
    case 'f':
      return found.has_generated === 't'
        ? `the replica identity of ${name} is the whole row, with a generated column that is not published: ${FAILS}`
        : undefined;
    default: {
      const covered = found.identity_index?.split(',') ?? [];
      return table.key.every((column) => covered.includes(column))
        ? undefined
        : `the replica identity of ${name} is (${covered.join()}): its changes would come without the key (${table.key.join()})`;
    }
  }
}
