// Decides a group of appends on what is known, one after the other, and says which messages they are in the stream. Pure: what
// it rests on goes along as expectations, each on the first message of its subject, and the server decides whether it holds.
import type { Position } from '../../kernel/event.ts';
import type { StreamName } from '../../kernel/stream.ts';
import type { AppendRequest } from '../append-request.ts';
import type { AppendOutcome } from '../event-store.ts';
import { isProgressExpected, isVersionExpected } from '../expectation.ts';
import type { KeyHead, SourceHead, StreamHead } from './heads.ts';
import {
  type Appended,
  encodeEvent,
  encodeKey,
  encodeProgress,
  type RelativePosition,
} from './log-message.ts';
import type { LogNames } from './log-names.ts';
import type { NewMessage } from './publish.ts';
import { KEY_TTL } from './safe-settings.ts';

/** Of what is not known, as of what is new. */
export interface HeadsView {
  /** Of the log's last event; asked for only where an append of the group has none of its own. */
  readonly position: Position;
  stream(name: StreamName): StreamHead;
  source(name: string): SourceHead;
  key(key: string): KeyHead;
}

/** A position that is known when the group is stored: so many messages after the first, or absolute. */
export type PlannedPosition = { readonly index: number } | { readonly position: Position };

export type Verdict =
  | {
      readonly verdict: 'appended';
      readonly position: PlannedPosition;
      readonly versions: Appended['versions'];
    }
  /** The same key stands in an earlier append of the group. */
  | { readonly verdict: 'copied'; readonly of: number }
  | { readonly verdict: 'recorded'; readonly outcome: Appended }
  | { readonly verdict: 'declined'; readonly outcome: AppendOutcome };

export interface GroupPlan {
  readonly messages: readonly NewMessage[];
  /** One for each append. */
  readonly verdicts: readonly Verdict[];
  /** For each append, the subjects its verdict rests on and that no message of the group compares. */
  readonly unchecked: readonly (readonly string[])[];
  /** What is known once the group is stored; sequences are indexes into `messages`. */
  readonly streams: ReadonlyMap<StreamName, StreamHead>;
  readonly sources: ReadonlyMap<string, SourceHead>;
}

export function decideGroup(group: readonly AppendRequest[], heads: HeadsView, names: LogNames): GroupPlan {
  const plan = new Planning(heads, names);
  const decided = group.map((request, index) => plan.decide(request, index));
  return {
    messages: plan.messages,
    verdicts: decided.map(({ verdict }) => verdict),
    unchecked: decided.map(({ restsOn }) => [...restsOn].filter((subject) => !plan.isCompared(subject))),
    streams: plan.streams,
    sources: plan.sources,
  };
}

interface Decided {
  readonly verdict: Verdict;
  readonly restsOn: ReadonlySet<string>;
}

class Planning {
  readonly messages: NewMessage[] = [];
  readonly streams = new Map<StreamName, StreamHead>();
  readonly sources = new Map<string, SourceHead>();
  readonly #heads: HeadsView;
  readonly #names: LogNames;
  readonly #compared = new Set<string>();
  readonly #keys = new Map<string, number>();
  #lastEvent: PlannedPosition;

  constructor(heads: HeadsView, names: LogNames) {
    this.#heads = heads;
    this.#names = names;
    this.#lastEvent = { position: heads.position };
  }

  isCompared(subject: string): boolean {
    return this.#compared.has(subject);
  }

  decide(request: AppendRequest, index: number): Decided {
    const { writes, options } = request;
    const { source, idempotencyKey: key } = options;
    const restsOn = new Set<string>();
    if (key !== undefined) {
      const of = this.#keys.get(key);
      if (of !== undefined) return { verdict: { verdict: 'copied', of }, restsOn };
      const { recorded } = this.#heads.key(key);
      if (recorded) return { verdict: { verdict: 'recorded', outcome: recorded }, restsOn };
      restsOn.add(this.#names.key(key));
    }
    if (source) {
      restsOn.add(this.#names.progress(source.name));
      const { progress } = this.#source(source.name);
      if (!isProgressExpected(source.expected, progress)) {
        return {
          verdict: { verdict: 'declined', outcome: { outcome: 'fenced', actual: progress } },
          restsOn,
        };
      }
    }
    const versions = new Map<StreamName, number>();
    for (const { stream, expected, rows } of writes) {
      restsOn.add(this.#names.stream(stream));
      const actual = versions.get(stream) ?? this.#stream(stream).version;
      if (!isVersionExpected(expected, actual)) {
        const outcome = { outcome: 'conflict', stream, expected, actual } as const;
        return { verdict: { verdict: 'declined', outcome }, restsOn };
      }
      versions.set(stream, actual + rows.length);
    }
    if (key !== undefined) this.#keys.set(key, index);
    this.#write(request, Object.fromEntries(versions));
    return {
      verdict: { verdict: 'appended', position: this.#lastEvent, versions: Object.fromEntries(versions) },
      restsOn,
    };
  }

  #write({ writes, eventCount, options }: AppendRequest, versions: Appended['versions']): void {
    const { source, idempotencyKey: key } = options;
    const isStored = eventCount > 0 || source !== undefined || key !== undefined;
    const written = new Set(writes.flatMap(({ stream, rows }) => (rows.length > 0 ? [stream] : [])));
    for (const { stream } of writes) if (isStored && !written.has(stream)) this.#compare(stream);
    let following = eventCount;
    for (const { stream, rows } of writes) {
      const subject = this.#names.stream(stream);
      for (const row of rows) {
        const head = this.#stream(stream);
        const version = head.version + 1;
        following -= 1;
        this.#lastEvent = { index: this.messages.length };
        this.#add(subject, encodeEvent(this.#names.name, row, { stream, version, following }), head.sequence);
        this.streams.set(stream, { version, sequence: this.messages.length - 1 });
      }
    }
    if (source) {
      const { name, lsn, position } = source;
      const progress = { name, lsn, position };
      const { sequence } = this.#source(name);
      this.#add(this.#names.progress(name), encodeProgress(progress, this.#lastEventFromHere()), sequence);
      this.sources.set(name, { progress, sequence: this.messages.length - 1 });
    }
    if (key !== undefined) {
      const { sequence } = this.#heads.key(key);
      this.#add(this.#names.key(key), encodeKey(versions, this.#lastEventFromHere()), sequence, KEY_TTL);
    }
  }

  /** As the next message can say it, which does not know its own sequence yet. */
  #lastEventFromHere(): RelativePosition {
    const last = this.#lastEvent;
    return 'index' in last ? { before: this.messages.length - last.index } : last;
  }

  /** A stream that the append only has an opinion of: unless the group compares it anyway, a message of its own does. */
  #compare(stream: StreamName): void {
    const subject = this.#names.stream(stream);
    if (this.#compared.has(subject)) return;
    this.#compared.add(subject);
    const { sequence } = this.#stream(stream);
    this.messages.push({ subject: this.#names.check, payload: '', expected: { sequence, subject } });
  }

  #add(subject: string, payload: string, sequence: number, ttl?: string): void {
    const isFirst = !this.#compared.has(subject);
    this.#compared.add(subject);
    this.messages.push({
      subject,
      payload,
      ...(isFirst ? { expected: { sequence } } : {}),
      ...(ttl ? { ttl } : {}),
    });
  }

  #stream(name: StreamName): StreamHead {
    return this.streams.get(name) ?? this.#heads.stream(name);
  }

  #source(name: string): SourceHead {
    return this.sources.get(name) ?? this.#heads.source(name);
  }
}
