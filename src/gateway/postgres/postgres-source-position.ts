// Where a PostgreSQL primary's log stands, over one connection of its own: a connection that was lost and made anew may
// have come out at another server, so the first question after a loss is refused and the history is asked again.
import { BanyanError } from '../../kernel/error.ts';
import { type Lsn, parseLsn } from '../../kernel/lsn.ts';
import { connectPostgres, type PostgresClient, queryText } from '../../postgres/connect.ts';
import { addressOf } from '../../postgres/fault.ts';
import type { SourcePosition } from '../session/source-position.ts';

export function postgresSourcePosition(url: string): SourcePosition & AsyncDisposable {
  let connection: Promise<PostgresClient> | undefined;
  let isClosed = false;
  const connect = (): Promise<PostgresClient> => {
    if (isClosed)
      throw new BanyanError('SOURCE_UNREACHABLE', 'The source is no longer asked for its position');
    if (!connection) {
      const opening = connectPostgres(url, { applicationName: 'banyan gateway' });
      connection = opening;
      const forget = (): void => {
        if (connection === opening) connection = undefined;
      };
      opening.then((client) => client.once('error', forget).once('end', forget), forget);
    }
    return connection;
  };
  return {
    async history() {
      const [row] = await queryText(
        await connect(),
        'SELECT system_identifier::text AS system, timeline_id::text AS timeline FROM pg_control_system(), pg_control_checkpoint()',
      );
      return `${row!.system}.${row!.timeline}`;
    },
    async insertLsn(): Promise<Lsn> {
      if (!connection)
        throw new BanyanError('SOURCE_UNREACHABLE', 'The connection to the source was lost', {
          at: addressOf(url),
        });
      const [row] = await queryText(await connection, 'SELECT pg_current_wal_insert_lsn() AS lsn');
      return parseLsn(row!.lsn!);
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      await (await connection?.catch(() => undefined))?.end();
    },
  };
}
