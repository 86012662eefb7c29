// Reads the fields of one protocol message. Never past its end: malformed bytes are an error, not a wrong row.
import { BanyanError } from '../../../kernel/error.ts';

export class MessageReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint16(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  uint64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  /** Up to and without the next zero byte. */
  string(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw malformed('a string has no end');
    const value = this.#bytes.toString('utf8', this.#at, end);
    this.#at = end + 1;
    return value;
  }

  /** So many bytes of text. */
  text(length: number): string {
    const start = this.#take(length);
    return this.#bytes.toString('utf8', start, start + length);
  }

  #take(length: number): number {
    const start = this.#at;
    if (start + length > this.#bytes.length)
      throw malformed(`a field of ${length} bytes ends behind the message`);
    this.#at = start + length;
    return start;
  }
}

export function malformed(why: string): BanyanError {
  return new BanyanError(
    'REPLICATION_PROTOCOL',
    'The server sent a replication message that cannot be read',
    { why },
  );
}
