// A bounded copy of an answer on its way to the client, for the comparison. It never holds the answer up: beyond the cap
// it gives up.

export interface CapturedAnswer {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: Buffer;
}

export class AnswerCopy {
  readonly #limit: number;
  #chunks: Buffer[] = [];
  #size = 0;
  #isTooLarge = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Buffer): void {
    this.#size += chunk.length;
    if (this.#size > this.#limit) {
      this.#isTooLarge = true;
      this.#chunks = [];
    } else {
      this.#chunks.push(chunk);
    }
  }

  /** Undefined when it was larger than the cap. */
  finish(status: number, headers: readonly string[]): CapturedAnswer | undefined {
    return this.#isTooLarge ? undefined : { status, headers, body: Buffer.concat(this.#chunks) };
  }
}
