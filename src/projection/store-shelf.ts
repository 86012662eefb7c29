// PORT: where a service keeps its stores: the live one, and at most one being built beside it. A store becomes the live
// one in a single step; a crash before or after it leaves either the old or the new.
import type { ReadStore } from './read-store.ts';

export interface ShelvedStore {
  readonly store: ReadStore;
  /** Grows with each store that is built. */
  readonly number: number;
}

export interface StoreShelf {
  /** The live store; undefined when there is none, or it was made from another version of the projection. */
  openLive(): Promise<ShelvedStore | undefined>;
  /** A store to build, empty. Whatever an interrupted build left is removed. */
  create(): Promise<ShelvedStore>;
  /** Makes it the live one, durably. The one before it is kept until the next is built. */
  makeLive(built: ShelvedStore): Promise<void>;
}
