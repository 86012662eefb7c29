// What a writer knows of the places that its next append depends on: the last version of streams, the progress of sources,
// the outcomes of keys. It may be out of date: every append carries what it rests on, and the server compares.
import type { Position } from '../../kernel/event.ts';
import type { StreamName } from '../../kernel/stream.ts';
import type { SourceProgress } from '../event-store.ts';
import { DirectReader } from './direct-read.ts';
import type { LogConnection } from './log-connection.ts';
import { type Appended, decodeEvent, decodeKey, decodeProgress } from './log-message.ts';
import type { LogNames } from './log-names.ts';

/** `sequence` is the last one on its subject, 0 = none. */
export interface StreamHead {
  readonly version: number;
  readonly sequence: number;
}

export interface SourceHead {
  readonly progress: SourceProgress | undefined;
  readonly sequence: number;
}

export interface KeyHead {
  readonly recorded: Appended | undefined;
  readonly sequence: number;
}

const STREAMS_MAX = 50_000;
const MANY = 8;
const NO_STREAM: StreamHead = { version: 0, sequence: 0 };
const NO_SOURCE: SourceHead = { progress: undefined, sequence: 0 };
const NO_KEY: KeyHead = { recorded: undefined, sequence: 0 };

/** Kept from append to append. */
export class KnownHeads {
  /** In the order in which they were set: the oldest goes first. */
  readonly #streams = new Map<StreamName, StreamHead>();
  readonly #sources = new Map<string, SourceHead>();

  stream(name: StreamName): StreamHead | undefined {
    return this.#streams.get(name);
  }

  source(name: string): SourceHead | undefined {
    return this.#sources.get(name);
  }

  setStream(name: StreamName, head: StreamHead): void {
    this.#streams.delete(name);
    this.#streams.set(name, head);
    if (this.#streams.size > STREAMS_MAX) this.#streams.delete(this.#streams.keys().next().value!);
  }

  setSource(name: string, head: SourceHead): void {
    this.#sources.set(name, head);
  }
}

/** As one group of appends sees them; what was asked of the leader meanwhile is proven. */
export class GroupHeads {
  readonly #known: KnownHeads;
  readonly #connection: LogConnection;
  readonly #names: LogNames;
  readonly #direct: DirectReader;
  readonly #keys = new Map<string, KeyHead>();
  readonly #proven = new Set<string>();
  #position: Position | undefined;

  constructor(known: KnownHeads, connection: LogConnection, names: LogNames) {
    this.#known = known;
    this.#connection = connection;
    this.#names = names;
    this.#direct = new DirectReader(connection, names.name);
  }

  isKnown(stream: StreamName): boolean {
    return this.#known.stream(stream) !== undefined;
  }

  isProven(subject: string): boolean {
    return this.#proven.has(subject);
  }

  /** What is not known is taken for new. */
  stream(name: StreamName): StreamHead {
    return this.#known.stream(name) ?? NO_STREAM;
  }

  source(name: string): SourceHead {
    return this.#known.source(name) ?? NO_SOURCE;
  }

  key(key: string): KeyHead {
    return this.#keys.get(key) ?? NO_KEY;
  }

  /** Of the last event; `readPosition` comes first. */
  get position(): Position {
    return this.#position ?? 0;
  }

  async readPosition(): Promise<void> {
    const last = await this.#connection.last(this.#names.allEvents);
    this.#position = last?.sequence ?? 0;
  }

  /** What any replica knows of streams: enough to begin with, and much cheaper for many. */
  async guessStreams(names: readonly StreamName[]): Promise<void> {
    if (names.length < MANY) {
      await Promise.all(names.map((name) => this.readStream(name)));
      return;
    }
    for (const name of names) this.#known.setStream(name, NO_STREAM);
    for (const last of await this.#direct.lastKnown(names.map((name) => this.#names.stream(name)))) {
      const { event } = decodeEvent(last, this.#connection.at);
      this.#known.setStream(event.stream, { version: event.version, sequence: last.sequence });
    }
  }

  async readStream(name: StreamName): Promise<void> {
    const subject = this.#names.stream(name);
    const last = await this.#connection.last(subject);
    const version = last ? decodeEvent(last, this.#connection.at).event.version : 0;
    this.#known.setStream(name, { version, sequence: last?.sequence ?? 0 });
    this.#proven.add(subject);
  }

  async readSource(name: string): Promise<void> {
    const subject = this.#names.progress(name);
    const last = await this.#connection.last(subject);
    this.#known.setSource(name, last ? decodeProgress(last, this.#connection.at) : NO_SOURCE);
    this.#proven.add(subject);
  }

  async readKey(key: string): Promise<void> {
    const subject = this.#names.key(key);
    const last = await this.#connection.last(subject);
    this.#keys.set(
      key,
      last ? { recorded: decodeKey(last, this.#connection.at), sequence: last.sequence } : NO_KEY,
    );
    this.#proven.add(subject);
  }
}
