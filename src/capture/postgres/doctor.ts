// Every precondition at the source, looked at and never changed: what blocks capture, what would break the monolith's own
// writes, and the exact SQL that mends each.
import type { SourceSchema, SourceTable } from '../../domain/source-schema.ts';
import { connectPostgres, type PostgresClient, queryText, quoteName } from '../../postgres/connect.ts';
import { addressOf } from '../../postgres/fault.ts';
import { IDENTITY_COLUMNS, identityFindings } from './replica-identity.ts';

export interface Finding {
  /** A stable name for machines. */
  readonly check: string;
  readonly level: 'ok' | 'blocking' | 'advice';
  readonly what: string;
  /** The table it is about; absent: the server. */
  readonly table?: string;
  readonly sql?: string;
}

export interface DoctorOptions {
  readonly url: string;
  readonly slot: string;
  readonly source: SourceSchema;
  /** Names of the tables to look at; absent: all of the source. */
  readonly tables?: readonly string[];
}

/** Rejects with SOURCE_UNREACHABLE; everything else is a finding. */
export async function inspectSource({
  url,
  slot,
  source,
  tables,
}: DoctorOptions): Promise<readonly Finding[]> {
  const client = await connectPostgres(url, { applicationName: 'banyan doctor' });
  try {
    const findings = [...(await inspectServer(client, url, slot))];
    for (const name of tables ?? Object.keys(source.tables)) {
      const table = source.tables[name];
      if (table) findings.push(...(await inspectTable(client, name, table)));
    }
    return findings;
  } finally {
    await client.end();
  }
}

async function inspectServer(client: PostgresClient, url: string, slot: string): Promise<readonly Finding[]> {
  const [server] = await queryText(
    client,
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_version') AS version_text,
            current_setting('wal_level') AS wal_level, current_setting('max_replication_slots')::int AS slots,
            current_setting('max_wal_senders')::int AS senders, current_setting('max_slot_wal_keep_size') AS keep,
            (SELECT count(*) FROM pg_replication_slots) AS slots_used, (SELECT count(*) FROM pg_stat_replication) AS senders_used,
            EXISTS (SELECT 1 FROM pg_replication_slots WHERE slot_name = $1) AS has_slot,
            (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user) AS may_replicate,
            pg_is_in_recovery() AS is_standby, current_user AS role, has_database_privilege(current_database(), 'CREATE') AS may_create,
            (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database()) AS prepared, current_database() AS database`,
    [slot],
  );
  const row = server!;
  const role = quoteName(row.role!);
  return [
    check(
      'version',
      Number(row.version) >= 140_000,
      `PostgreSQL ${row.version_text} at ${addressOf(url)}`,
      `PostgreSQL ${row.version_text} is too old: logical messages need 14`,
    ),
    check(
      'primary',
      row.is_standby === 'f',
      'the server is a primary',
      'the server is a standby: capture needs the primary',
    ),
    check(
      'wal-level',
      row.wal_level === 'logical',
      'wal_level is logical',
      `wal_level is ${row.wal_level}`,
      "ALTER SYSTEM SET wal_level = 'logical';  -- then restart PostgreSQL",
    ),
    check(
      'slots',
      row.has_slot === 't' || Number(row.slots_used) < Number(row.slots),
      `${row.slots_used} of ${row.slots} replication slots used`,
      `all ${row.slots} replication slots are used`,
      `ALTER SYSTEM SET max_replication_slots = ${Number(row.slots) + 5};  -- then restart PostgreSQL`,
    ),
    check(
      'senders',
      Number(row.senders_used) < Number(row.senders),
      `${row.senders_used} of ${row.senders} WAL senders used`,
      `all ${row.senders} WAL senders are used`,
      `ALTER SYSTEM SET max_wal_senders = ${Number(row.senders) + 5};  -- then restart PostgreSQL`,
    ),
    check(
      'replication',
      row.may_replicate === 't',
      `role ${row.role} may replicate`,
      `role ${row.role} may not replicate`,
      `ALTER ROLE ${role} REPLICATION;`,
    ),
    check(
      'publication',
      row.may_create === 't',
      `role ${row.role} may create a publication`,
      `role ${row.role} may not create a publication`,
      `GRANT CREATE ON DATABASE ${quoteName(row.database!)} TO ${role};`,
    ),
    row.keep === '-1'
      ? {
          check: 'wal-keep',
          level: 'advice',
          what: 'max_slot_wal_keep_size is unlimited: a capture that is down for long could fill the disk',
          sql: "ALTER SYSTEM SET max_slot_wal_keep_size = '20GB'; SELECT pg_reload_conf();",
        }
      : { check: 'wal-keep', level: 'ok', what: `a slot may keep ${row.keep} of WAL` },
    ...(Number(row.prepared) > 0
      ? [
          {
            check: 'prepared',
            level: 'advice',
            what: `${row.prepared} prepared transactions are open; they hold up the fence`,
            sql: 'SELECT * FROM pg_prepared_xacts;',
          } as const,
        ]
      : []),
  ];
}

async function inspectTable(
  client: PostgresClient,
  name: string,
  table: SourceTable,
): Promise<readonly Finding[]> {
  const qualified = quoteName(table.schema, table.table);
  const [found] = await queryText(
    client,
    `SELECT c.oid, c.relkind AS kind, c.relpersistence AS persistence, c.relreplident AS identity, current_user AS role,
            row_security_active(c.oid) AS hides_rows, has_table_privilege(c.oid, 'SELECT') AS may_read,
            has_schema_privilege(n.oid, 'USAGE') AS may_enter, pg_has_role(c.relowner, 'USAGE') AS is_owner,
            ${IDENTITY_COLUMNS}
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`,
    [table.schema, table.table],
  );
  const finding = (test: string, level: Finding['level'], what: string, sql?: string): Finding => ({
    check: test,
    level,
    what,
    table: name,
    ...(sql ? { sql } : {}),
  });
  if (!found) return [finding('table', 'blocking', `table ${table.schema}.${table.table} does not exist`)];
  if (found.kind !== 'r' && found.kind !== 'p') {
    return [
      finding(
        'table',
        'blocking',
        `${table.schema}.${table.table} is no table whose changes the log has (kind ${found.kind})`,
      ),
    ];
  }
  const findings: Finding[] = [];
  if (found.persistence !== 'p') {
    findings.push(
      finding(
        'logged',
        'blocking',
        `table ${name} is unlogged or temporary: its changes are not in the log`,
        `ALTER TABLE ${qualified} SET LOGGED;`,
      ),
    );
  }
  findings.push(...identityFindings(name, table, qualified, found));
  const role = quoteName(found.role!);
  if (found.may_enter !== 't')
    findings.push(
      finding(
        'schema',
        'blocking',
        `role ${found.role} may not use the schema ${table.schema}`,
        `GRANT USAGE ON SCHEMA ${quoteName(table.schema)} TO ${role};`,
      ),
    );
  if (found.may_read !== 't')
    findings.push(
      finding(
        'select',
        'blocking',
        `role ${found.role} may not read ${name}`,
        `GRANT SELECT ON ${qualified} TO ${role};`,
      ),
    );
  if (found.is_owner !== 't') {
    findings.push(
      finding(
        'owner',
        'blocking',
        `role ${found.role} does not own ${name}, so it may not publish it`,
        `ALTER TABLE ${qualified} OWNER TO ${role};  -- or grant membership in the owning role`,
      ),
    );
  }
  if (found.hides_rows === 't') {
    findings.push(
      finding(
        'row-security',
        'blocking',
        `row security on ${name} would hide rows from the copy`,
        `ALTER ROLE ${role} BYPASSRLS;`,
      ),
    );
  }
  const columns = await queryText(
    client,
    'SELECT attname AS name, attgenerated AS generated FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped',
    [found.oid],
  );
  const there = new Set(columns.filter(({ generated }) => generated === '').map((column) => column.name));
  const missing = Object.keys(table.columns).filter((column) => !there.has(column));
  if (missing.length > 0) {
    findings.push(
      finding(
        'columns',
        'blocking',
        `table ${name} has no stored column ${missing.join(', ')}, which the config declares`,
      ),
    );
  }
  return findings.some(({ level }) => level === 'blocking')
    ? findings
    : [...findings, finding('table', 'ok', `table ${name} can be captured`)];
}

function check(name: string, isMet: boolean, good: string, bad: string, sql?: string): Finding {
  if (isMet) return { check: name, level: 'ok', what: good };
  return { check: name, level: 'blocking', what: bad, ...(sql ? { sql } : {}) };
}
