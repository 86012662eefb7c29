// What a benchmark holds of the machine (folders, servers, processes, connections): given back, last first, when it ends
// and when it is interrupted.

export class Held implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();

  /** Keeps what is being made until the end; when everything was given back meanwhile, this goes at once, and it rejects. */
  async take<T extends AsyncDisposable | Disposable>(making: T | Promise<T>): Promise<T> {
    const made = await making;
    if (!this.#stack.disposed) return this.#stack.use(made);
    if (Symbol.asyncDispose in made) await made[Symbol.asyncDispose]();
    else made[Symbol.dispose]();
    throw new Error('The benchmark was interrupted');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}
