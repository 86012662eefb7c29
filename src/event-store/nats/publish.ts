// Stores messages whole or not at all: one as a plain publish, several as an atomic batch, each with what it expects of a
// subject. The batch's headers are written by hand: the client's own batches hide which error the server gave.
import { headers, type MsgHdrs, nuid } from '@nats-io/transport-node';
import type { LogConnection } from './log-connection.ts';
import { isNotTaken } from './nats-fault.ts';

export interface NewMessage {
  readonly subject: string;
  readonly payload: string;
  /** The last sequence that a subject must have; the message's own subject unless another one is named. 0 = none yet. */
  readonly expected?: { readonly sequence: number; readonly subject?: string };
  /** When the server may forget it. */
  readonly ttl?: string;
}

export type PublishResult =
  /** `first` is the sequence of the first message; the others follow without a gap. */
  | { readonly result: 'stored'; readonly first: number }
  /** An expectation was not met, or another append on one of the subjects was under way: nothing was stored. */
  | { readonly result: 'moved' }
  /** Nothing was stored, and another try may fare better. */
  | { readonly result: 'not taken'; readonly error: unknown }
  /** Nothing was stored, and another try would fare no better. */
  | { readonly result: 'refused'; readonly code: number; readonly why: string }
  /** Nobody answered: it may be stored, now or later. */
  | { readonly result: 'unknown'; readonly error: unknown };

const BATCH_ID = 'Nats-Batch-Id';
const SINGLE_ID = 'Banyan-Publish-Id';

/** Which try a message came from; stored with it. */
export interface PublishId {
  readonly header: typeof BATCH_ID | typeof SINGLE_ID;
  readonly value: string;
}

export function publishId(messages: readonly NewMessage[]): PublishId {
  return { header: messages.length === 1 ? SINGLE_ID : BATCH_ID, value: nuid.next() };
}

/** Of a stored message. */
export function storedPublishId(header: MsgHdrs): string {
  return header.get(BATCH_ID) || header.get(SINGLE_ID);
}

const ACK_TIMEOUT_MS = 3_000;
/** A large batch takes its time: 10 MB a second at the least. */
const BYTES_PER_MS = 10_000;
const WRONG_SEQUENCE: ReadonlySet<number> = new Set([10071, 10164]);
/** A batch cut by a lost connection or a new leader; more batches at a time than a server takes. */
const PASSING: ReadonlySet<number> = new Set([10176, 10210]);
export const BATCH_TOO_LARGE = 10199;
const UNAVAILABLE = 503;

export async function publish(
  connection: LogConnection,
  messages: readonly NewMessage[],
  id: PublishId = publishId(messages),
): Promise<PublishResult> {
  const { nats } = connection;
  const last = messages.length - 1;
  const bytes = messages.reduce((sum, { payload }) => sum + payload.length, 0);
  const timeout = ACK_TIMEOUT_MS + bytes / BYTES_PER_MS;
  try {
    const answer = await connection.whileConnected(() => {
      for (let index = 0; index < last; index += 1) {
        const { subject, payload } = messages[index]!;
        nats.publish(subject, payload, { headers: headersOf(messages[index]!, id, index + 1) });
      }
      const { subject, payload } = messages[last]!;
      const header = headersOf(messages[last]!, id, messages.length);
      if (last > 0) header.set('Nats-Batch-Commit', '1');
      return nats.request(subject, payload, { timeout, headers: header });
    });
    return resultOf(answer.json<Ack>(), messages.length);
  } catch (error) {
    return { result: isNotTaken(error) ? 'not taken' : 'unknown', error };
  }
}

function headersOf({ expected, ttl }: NewMessage, id: PublishId, number: number): MsgHdrs {
  const header = headers();
  header.set(id.header, id.value);
  if (id.header === BATCH_ID) header.set('Nats-Batch-Sequence', String(number));
  if (expected) {
    header.set('Nats-Expected-Last-Subject-Sequence', String(expected.sequence));
    if (expected.subject) header.set('Nats-Expected-Last-Subject-Sequence-Subject', expected.subject);
  }
  if (ttl) header.set('Nats-TTL', ttl);
  return header;
}

interface Ack {
  readonly seq?: number;
  /** Of a batch. */
  readonly count?: number;
  readonly error?: { readonly code: number; readonly err_code: number; readonly description: string };
}

function resultOf({ seq, count = 1, error }: Ack, sent: number): PublishResult {
  if (!error) {
    if (seq && count === sent) return { result: 'stored', first: seq - count + 1 };
    return { result: 'unknown', error: new Error(`${count} of ${sent} messages are acknowledged`) };
  }
  if (WRONG_SEQUENCE.has(error.err_code)) return { result: 'moved' };
  if (error.code === UNAVAILABLE || PASSING.has(error.err_code)) {
    return { result: 'not taken', error: new Error(error.description) };
  }
  return { result: 'refused', code: error.err_code, why: error.description };
}
