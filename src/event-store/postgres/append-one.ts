// One event to one stream, which most appends of commands are: one plain statement, for a third of what the function of
// groups costs the server. It keeps the same order: the stream is locked, then the append registers, then it draws.
import type { ExpectedVersion } from '../../kernel/stream.ts';
import type { AppendRequest } from '../append-request.ts';
import type { AppendOutcome } from '../event-store.ts';
import type { Statement } from './log-connection.ts';
import type { LogNames } from './log-names.ts';

/** None when the expectation did not hold: nothing was written, and the function of groups tells why. */
export type OneAppended = readonly [position: number, version: number];

/** Undefined for an append that this is not for. */
export function appendOneStatement(
  names: LogNames,
  { writes, options }: AppendRequest,
): Statement | undefined {
  const [write] = writes;
  const [row] = write?.rows ?? [];
  const isOne = writes.length === 1 && write?.rows.length === 1;
  if (!row || !isOne || options.source || options.idempotencyKey !== undefined) return undefined;
  const { type, id, time, schemaVersion, data, meta } = row;
  const { stream, expected } = write;
  const exact = typeof expected === 'number' && expected > 0 ? [expected] : [];
  return {
    name: `append one, ${exact.length > 0 ? 'exact' : expected}`,
    text: statementText(names, expected),
    values: [stream, type, id, time, schemaVersion, data, meta, ...exact],
  };
}

export function oneAppended({ writes }: AppendRequest, [position, version]: OneAppended): AppendOutcome {
  return { outcome: 'appended', position, versions: { [writes[0]!.stream]: version }, isDuplicate: false };
}

/**
 * Each part takes its rows from the one before, so that each happens after it: no row of `registered` without one of
 * `held`, no position without one of `registered`. See `append-function.ts` for why the order matters.
 */
function statementText({ schema, inFlightKey }: LogNames, expected: ExpectedVersion): string {
  return `
    WITH held AS (${holdStream(schema, expected)} RETURNING version),
    registered AS MATERIALIZED (
      SELECT held.version,
        pg_advisory_xact_lock_shared(${inFlightKey} + (SELECT last_value FROM ${schema}.event_position)) AS in_flight,
        CASE WHEN current_setting('synchronous_commit') = 'off' THEN set_config('synchronous_commit', 'on', true) END
      FROM held
    )
    INSERT INTO ${schema}.event (position, stream, version, type, id, time, schema_version, data, meta)
      SELECT nextval('${schema}.event_position'), $1, registered.version, $2, $3, $4, $5, $6, $7 FROM registered
      RETURNING position, version`;
}

/** Waits for the stream's lock, then compares; a stream that may be new gets its row. */
function holdStream(schema: string, expected: ExpectedVersion): string {
  const insert = `INSERT INTO ${schema}.stream AS stream (name, version) VALUES ($1, 1)
    ON CONFLICT (name) DO UPDATE SET version = stream.version + 1`;
  const update = `UPDATE ${schema}.stream SET version = version + 1 WHERE name = $1`;
  if (expected === 'any') return insert;
  if (expected === 'none' || expected === 0) return `${insert} WHERE stream.version = 0`;
  return expected === 'exists' ? `${update} AND version > 0` : `${update} AND version = $8`;
}
