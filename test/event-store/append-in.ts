// An append in a transaction that a test holds open: what a slow, a late or a dying writer looks like to everybody else.
import assert from 'node:assert/strict';
import { appendRequest } from '../../src/event-store/append-request.ts';
import type { StreamWrite } from '../../src/event-store/event-store.ts';
import { appendStatement } from '../../src/event-store/postgres/append.ts';
import { appendOneStatement } from '../../src/event-store/postgres/append-one.ts';
import { logNames } from '../../src/event-store/postgres/log-names.ts';
import type { PostgresClient } from '../../src/postgres/connect.ts';

/** Runs the engine's own statements in the client's transaction; resolves with the position of the last event. */
export async function appendIn(
  client: PostgresClient,
  schema: string,
  writes: readonly StreamWrite[],
): Promise<number> {
  const names = logNames(schema);
  const request = appendRequest(writes, {});
  const one = appendOneStatement(names, request);
  if (one) {
    const { rows } = await client.query<{ position: string }>(one.text, [...one.values]);
    if (rows[0]) return Number(rows[0].position);
  }
  const { text, values } = appendStatement(names, [request]);
  const { rows } = await client.query<{ verdict: string; last_position: string }>(text, [...values]);
  assert.equal(rows[0]?.verdict, 'appended');
  return Number(rows[0].last_position);
}
