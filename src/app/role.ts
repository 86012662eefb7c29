// What every role of Banyan looks like from outside, however many of them share a process.

export interface Role extends AsyncDisposable {
  /** `capture`, `service posts`, `gateway`. */
  readonly name: string;
  /** Where it answers clients, when it does. */
  readonly url: string | undefined;
  readonly controlUrl: string;
  /** Rejects when the role cannot go on; resolves once it was stopped. */
  readonly finished: Promise<void>;
}

/** Runs `work` until it is told to stop: its failure is `finished`'s, and stopping waits for its end. */
export function supervise(
  work: Promise<void>,
  stop: () => Promise<void>,
): { finished: Promise<void>; stop: () => Promise<void> } {
  let stopping: Promise<void> | undefined;
  const finished = work.then(() => undefined);
  // Whoever looks at `finished` sees the failure; nobody looking must not end the process.
  finished.catch(() => undefined);
  return {
    finished,
    stop: () => {
      stopping ??= stop().finally(() => finished.catch(() => undefined));
      return stopping;
    },
  };
}
