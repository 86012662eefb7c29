// Reads runs of messages from whichever replica answers: many for one request, and nothing stays open on a server. A replica
// may trail the leader, so that what it has no more of is asked of the leader.
import { createInbox, type Msg } from '@nats-io/transport-node';
import type { Position } from '../../kernel/event.ts';
import type { LogConnection } from './log-connection.ts';
import { Interrupted } from './nats-fault.ts';

export interface ReadMessage {
  readonly sequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
}

export interface Run {
  readonly messages: readonly ReadMessage[];
  /** There is nothing else of the subject up to here. */
  readonly upTo: Position;
}

const RUN_MESSAGES = 1_000;
const RUN_BYTES = 16 * 1024 * 1024;
const SILENCE_MS = 2_000;
const END_OF_RUN = 204;
const NOT_FOUND = 404;

export class DirectReader {
  readonly #connection: LogConnection;
  readonly #subject: string;

  constructor(connection: LogConnection, stream: string) {
    this.#connection = connection;
    this.#subject = `$JS.API.DIRECT.GET.${stream}`;
  }

  /** The messages of a subject after `after` and up to `end`, `limit` at most. `end` lies at or before the log's head. */
  async run(subject: string, after: Position, end: Position, limit: number): Promise<Run> {
    const messages: ReadMessage[] = [];
    let upTo = after;
    while (upTo < end && messages.length < limit) {
      const count = Math.min(RUN_MESSAGES, limit - messages.length);
      const query = { seq: upTo + 1, next_by_subj: subject, batch: count, max_bytes: RUN_BYTES };
      const { found, isCut } = await this.#connection.patiently(() => this.#ask(query));
      for (const message of found) {
        if (message.sequence > end) return { messages, upTo: end };
        messages.push(message);
        upTo = message.sequence;
      }
      if (isCut || upTo >= end) continue;
      const next = await this.#connection.next(subject, upTo + 1);
      if (!next || next.sequence > end) return { messages, upTo: end };
      messages.push(next);
      upTo = next.sequence;
    }
    return { messages, upTo };
  }

  /** The last messages of subjects, as a replica knows them: they may be older than what the leader has, or not there yet. */
  async lastKnown(subjects: readonly string[]): Promise<readonly ReadMessage[]> {
    const answers = [];
    for (let from = 0; from < subjects.length; from += RUN_MESSAGES) {
      const query = { multi_last: subjects.slice(from, from + RUN_MESSAGES), batch: RUN_MESSAGES };
      answers.push(this.#connection.patiently(() => this.#ask(query)));
    }
    return (await Promise.all(answers)).flatMap(({ found }) => found);
  }

  #ask(query: object): Promise<{ readonly found: readonly ReadMessage[]; readonly isCut: boolean }> {
    const { nats } = this.#connection;
    const inbox = createInbox();
    return new Promise((resolve, reject) => {
      const found: ReadMessage[] = [];
      const fail = (error: Error): void => {
        subscription.unsubscribe();
        clearTimeout(silence);
        reject(error);
      };
      const silence = setTimeout(() => fail(new Interrupted('no answer')), SILENCE_MS);
      const take = (message: Msg): void => {
        const { headers } = message;
        const status = headers?.code ?? 0;
        if (!headers || (status !== 0 && status !== END_OF_RUN && status !== NOT_FOUND)) {
          fail(new Interrupted(`status ${status} ${headers?.description ?? ''}`));
          return;
        }
        // Each message, and the end, names the one before it; the first names none.
        const before = Number(headers.get('Nats-Last-Sequence') || 0);
        const last = found.at(-1)?.sequence ?? 0;
        if (status !== NOT_FOUND && before !== last) {
          fail(new Interrupted('a message was lost on the way'));
        } else if (status !== 0) {
          subscription.unsubscribe();
          clearTimeout(silence);
          resolve({ found, isCut: Number(headers.get('Nats-Num-Pending') || 0) > 0 });
        } else {
          silence.refresh();
          found.push({
            sequence: Number(headers.get('Nats-Sequence')),
            subject: headers.get('Nats-Subject'),
            data: message.data,
          });
        }
      };
      const subscription = nats.subscribe(inbox, {
        callback: (error, message) => (error ? fail(error) : take(message)),
      });
      nats.publish(this.#subject, JSON.stringify(query), { reply: inbox });
    });
  }
}
