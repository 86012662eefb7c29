// A source that answers each question about its position when the test says so.
import type { SourcePosition } from '../../../src/gateway/session/source-position.ts';
import { type Lsn, lsn } from '../../../src/kernel/lsn.ts';

export class ScriptedSource implements SourcePosition {
  timeline = 'history-1';
  readonly #questions: PromiseWithResolvers<Lsn>[] = [];

  /** Questions that have no answer yet. */
  get waiting(): number {
    return this.#questions.length;
  }

  async history(): Promise<string> {
    return this.timeline;
  }

  insertLsn(): Promise<Lsn> {
    const question = Promise.withResolvers<Lsn>();
    this.#questions.push(question);
    return question.promise;
  }

  /** Answers the oldest question, and lets who asked go on. */
  async says(position: bigint): Promise<void> {
    this.#questions.shift()!.resolve(lsn(position));
    await settled();
  }

  async fails(): Promise<void> {
    this.#questions.shift()!.reject(new Error('connection lost'));
    await settled();
  }
}

/** Everything that only waited for promises has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
