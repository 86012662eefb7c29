// A snapshot of PostgreSQL with an exact place in its log: a temporary logical slot exports one that holds all commits
// before its consistent point, and no other (protocol-replication, CREATE_REPLICATION_SLOT … SNAPSHOT 'export').
import { randomBytes } from 'node:crypto';
import type { RawRow } from '../../domain/decode-row.ts';
import type { SourceTable } from '../../domain/source-schema.ts';
import { parseLsn } from '../../kernel/lsn.ts';
import {
  connectPostgres,
  type PostgresClient,
  queryArrays,
  quoteName,
  quoteText,
} from '../../postgres/connect.ts';
import { postgresFault } from '../../postgres/fault.ts';
import type { SnapshotSource, SourceSnapshot } from '../ports.ts';

const PAGE = 2_000;
const APPLICATION = 'banyan verify';

export function postgresSnapshots(url: string): SnapshotSource {
  return { take: () => takeSnapshot(url) };
}

async function takeSnapshot(url: string): Promise<SourceSnapshot> {
  const holder = await connectPostgres(url, { applicationName: APPLICATION, isReplication: true });
  let reader: PostgresClient | undefined;
  try {
    const slot = `banyan_verify_${randomBytes(4).toString('hex')}`;
    const created = await holder.query(
      `CREATE_REPLICATION_SLOT ${quoteName(slot)} TEMPORARY LOGICAL pgoutput (SNAPSHOT 'export')`,
    );
    const [point] = created.rows as { consistent_point: string; snapshot_name: string }[];
    reader = await connectPostgres(url, { applicationName: APPLICATION });
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await reader.query(`SET TRANSACTION SNAPSHOT ${quoteText(point!.snapshot_name)}`);
    return snapshotOn(reader, parseLsn(point!.consistent_point));
  } catch (error) {
    await reader?.end();
    throw postgresFault(error, 'the source');
  } finally {
    // The snapshot has been imported: the slot is not needed any longer, and it holds WAL while it lives.
    await holder.end();
  }
}

function snapshotOn(reader: PostgresClient, lsn: SourceSnapshot['lsn']): SourceSnapshot {
  return {
    lsn,
    async *rows(table: SourceTable): AsyncIterable<readonly RawRow[]> {
      const columns = Object.keys(table.columns);
      const cursor = quoteName(`verify_${randomBytes(4).toString('hex')}`);
      const names = columns.map((column) => quoteName(column)).join(', ');
      await queryArrays(
        reader,
        `DECLARE ${cursor} NO SCROLL CURSOR FOR SELECT ${names} FROM ${quoteName(table.schema, table.table)}`,
      );
      for (;;) {
        const page = await queryArrays(reader, `FETCH ${PAGE} FROM ${cursor}`);
        if (page.length === 0) break;
        yield page.map((values) =>
          Object.fromEntries(columns.map((column, index) => [column, values[index] ?? null])),
        );
      }
      await queryArrays(reader, `CLOSE ${cursor}`);
    },
    async [Symbol.asyncDispose]() {
      await reader.end();
    },
  };
}
