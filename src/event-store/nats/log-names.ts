// What a log is called in NATS: its stream, and the subjects of what the stream holds. A stream of events has a subject of
// its own, so that the server itself compares its last sequence.
//
//   <log>.event.<category>.<id>   one event, a CloudEvent
//   <log>.progress.<source>       how far a source has been taken in
//   <log>.key.<key>               what came of an append with an idempotency key
//   <log>.check                   carries an expectation of a stream that an append does not write to
//   <log>.changed                 not stored: wakes readers
import { createHash } from 'node:crypto';
import { BanyanError } from '../../kernel/error.ts';
import { type Category, categoryOf, idOf, type StreamName } from '../../kernel/stream.ts';

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** Subjects stand in one line of the protocol, of 4,096 bytes by default. */
const TOKEN_LENGTH_MAX = 200;

export class LogNames {
  /** Of the JetStream stream, and the first token of its subjects. */
  readonly name: string;
  readonly check: string;
  readonly changed: string;
  readonly allEvents: string;
  readonly allProgress: string;

  constructor(name: string) {
    if (!NAME.test(name)) {
      throw new BanyanError('CONFIG_INVALID', `"${name}" cannot name a log in NATS`, {
        why: 'It names a stream and stands in subjects: letters, digits, hyphen and underscore, 64 at most.',
      });
    }
    this.name = name;
    this.check = `${name}.check`;
    this.changed = `${name}.changed`;
    this.allEvents = `${name}.event.>`;
    this.allProgress = `${name}.progress.*`;
  }

  /** All that the stream stores. */
  get stored(): string[] {
    return [this.allEvents, this.allProgress, `${this.name}.key.*`, this.check];
  }

  stream(stream: StreamName): string {
    return `${this.name}.event.${token(categoryOf(stream))}.${token(idOf(stream))}`;
  }

  category(category: Category): string {
    return `${this.name}.event.${token(category)}.*`;
  }

  progress(source: string): string {
    return `${this.name}.progress.${token(source)}`;
  }

  key(key: string): string {
    return `${this.name}.key.${token(key)}`;
  }
}

/** Two texts never give the same token: what is not plain is written as `=` and its bytes, and `==` begins a hash. */
function token(text: string): string {
  const escaped = text.replaceAll(/[^A-Za-z0-9_:@/,;+~-]/gu, (character) =>
    Buffer.from(character).toString('hex').toUpperCase().replaceAll(/../g, '=$&'),
  );
  if (escaped.length <= TOKEN_LENGTH_MAX) return escaped;
  return `==${createHash('sha256').update(text).digest('base64url')}`;
}
