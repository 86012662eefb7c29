// An append in a transaction that a test holds open: what a slow, a late or a dying writer looks like to everybody else.
import assert from 'node:assert/strict';
import { appendRequest } from '../../src/event-store/append-request.ts';
import type { StreamWrite } from '../../src/event-store/event-store.ts';
import { appendStatement } from '../../src/event-store/postgres/append.ts';
import { logNames } from '../../src/event-store/postgres/log-names.ts';
import type { PostgresClient } from '../../src/postgres/connect.ts';

/** Runs the engine's own statement in the client's transaction; resolves with the position of its last event. */
export async function appendIn(
  client: PostgresClient,
  schema: string,
  writes: readonly StreamWrite[],
): Promise<number> {
  const { text, values } = appendStatement(logNames(schema), [appendRequest(writes, {})]);
  const { rows } = await client.query<{ verdict: string; last_position: string }>(text, [...values]);
  assert.equal(rows[0]?.verdict, 'appended');
  return Number(rows[0].last_position);
}
