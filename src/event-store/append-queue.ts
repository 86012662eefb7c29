// Appends of one turn, and those that come while a commit is under way, share the next durable commit. Each is decided on
// its own, in order: a conflict costs its neighbours nothing, and none is resolved before the commit is on disk.
import { setImmediate as turn } from 'node:timers/promises';
import type { AppendRequest } from './append-request.ts';
import type { AppendOutcome } from './event-store.ts';

/** Ends a group: enough to hide the sync, few enough to keep the loop's turn near 20 ms. */
const GROUP_LIMITS: GroupLimits = { events: 2000, appends: 256 };

/** A single append may have more events. */
export interface GroupLimits {
  readonly events: number;
  readonly appends: number;
}

export type GroupAnswer =
  | { readonly outcomes: readonly AppendOutcome[] }
  | {
      readonly error: unknown;
      /** Nothing was written, and one append of the group may be why: alone, it fails alone. */
      readonly mayTryEachAlone: boolean;
    };

interface Queued {
  readonly request: AppendRequest;
  readonly resolve: (outcome: AppendOutcome) => void;
  readonly reject: (error: unknown) => void;
}

export class AppendQueue {
  readonly #commit: (group: readonly AppendRequest[]) => Promise<GroupAnswer>;
  readonly #limits: GroupLimits;
  #queue: Queued[] = [];
  #drained: Promise<void> | undefined;

  /** `commit` is never called twice at a time, and does not reject. */
  constructor(commit: (group: readonly AppendRequest[]) => Promise<GroupAnswer>, limits = GROUP_LIMITS) {
    this.#commit = commit;
    this.#limits = limits;
  }

  append(request: AppendRequest): Promise<AppendOutcome> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      this.#drained ??= this.#drain();
    });
  }

  /** Resolves when every append made so far has its answer. */
  async settled(): Promise<void> {
    await this.#drained;
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      // Whoever appends in this turn, or was woken by the last commit, joins the group.
      await turn();
      const group = this.#takeGroup();
      await this.#answerGroup(group);
    }
    this.#drained = undefined;
  }

  #takeGroup(): Queued[] {
    let events = 0;
    let appends = 0;
    for (const { request } of this.#queue) {
      if (appends === this.#limits.appends) break;
      if (appends > 0 && events + request.eventCount > this.#limits.events) break;
      events += request.eventCount;
      appends += 1;
    }
    return this.#queue.splice(0, appends);
  }

  async #answerGroup(group: readonly Queued[]): Promise<void> {
    const answer = await this.#commit(group.map(({ request }) => request));
    if ('outcomes' in answer) {
      group.forEach(({ resolve }, index) => {
        resolve(answer.outcomes[index]!);
      });
    } else if (answer.mayTryEachAlone && group.length > 1) {
      for (const one of group) await this.#answerGroup([one]);
    } else {
      for (const { reject } of group) reject(answer.error);
    }
  }
}
