// Read-your-writes across the asynchronous pipe: after a write was answered, and before the client sees the answer, the
// session's token says how far the source's log had come; a service answers its reads from there or later, or not at all.
// The newest write is also kept here, per session, because two answers in parallel can overwrite each other's cookie.
import { type Lsn, maxLsn } from '../../kernel/lsn.ts';
import type { Freshness } from '../decide-route.ts';
import { PositionSampler, type SampledPosition } from './sample-position.ts';
import type { Session } from './session.ts';
import type { SourcePosition } from './source-position.ts';
import { laterEntry, TokenCodec, type TokenEntry } from './token.ts';

interface Remembered {
  readonly entry: TokenEntry;
  /** When an infinite entry was made, on this gateway's own count: only a sample begun later can replace it. */
  readonly madeAt: number;
}

export class ReadYourWrites {
  readonly sampler: PositionSampler;
  readonly #source: string;
  readonly #codec: TokenCodec;
  readonly #limit: number;
  /** In order of use; the one unused for longest goes first, and is then in its client's cookie only. */
  readonly #sessions = new Map<string, Remembered>();
  #count = 0;

  constructor(options: {
    readonly sourceName: string;
    readonly sourcePosition: SourcePosition;
    readonly secret: string;
    readonly sessions: number;
    readonly positionMs: number;
  }) {
    this.#source = options.sourceName;
    this.#codec = new TokenCodec(options.secret);
    this.#limit = options.sessions;
    this.sampler = new PositionSampler(options.sourcePosition, options.positionMs);
  }

  /** The most that the session's cookie, header and remembered write ask for. */
  freshness(session: Session): Freshness {
    const shown = session.tokens.flatMap((token) => this.#codec.decode(token));
    const remembered = session.keys.flatMap((key) => this.#sessions.get(key)?.entry ?? []);
    let least: Lsn | undefined;
    for (const { source, history, lsn } of [...shown, ...remembered]) {
      if (source !== this.#source) continue;
      // Another history: the source failed over, and its positions say nothing about this one.
      if (lsn === 'infinite' || history !== this.sampler.history) return 'infinite';
      least = least === undefined ? lsn : maxLsn(least, lsn);
    }
    return least ?? 'any';
  }

  /**
   * The token of everything the session has written so far: call it once its answer is there. Never rejects: when the
   * source does not say its position the token is infinite, and the session's reads stay with the monolith until it does.
   */
  async issue(session: Session, epoch: number): Promise<string> {
    const begunAt = ++this.#count;
    const sampled = await this.sampler.sample().catch(() => undefined);
    return this.#codec.encode([this.#remember(session, epoch, begunAt, sampled)]);
  }

  /** The same, when the position can be had; otherwise nothing changes. */
  async renew(session: Session, epoch: number): Promise<string | undefined> {
    const begunAt = ++this.#count;
    const sampled = await this.sampler.sample().catch(() => undefined);
    return sampled && this.#codec.encode([this.#remember(session, epoch, begunAt, sampled)]);
  }

  #remember(
    session: Session,
    epoch: number,
    begunAt: number,
    sampled: SampledPosition | undefined,
  ): TokenEntry {
    const now = ++this.#count;
    let entry: TokenEntry = {
      source: this.#source,
      history: sampled?.history ?? this.sampler.history ?? '',
      epoch,
      lsn: sampled?.lsn ?? 'infinite',
    };
    let madeAt = entry.lsn === 'infinite' ? now : begunAt;
    for (const key of session.keys) {
      const before = this.#sessions.get(key);
      if (!before || entry.lsn === 'infinite') continue;
      if (before.entry.lsn !== 'infinite' && before.entry.history === entry.history) {
        entry = laterEntry(before.entry, entry);
      } else if (before.madeAt > begunAt) {
        // Where that write lies is not known, and this position was sampled too early to cover it.
        ({ entry, madeAt } = before);
      }
    }
    for (const key of session.keys) {
      this.#sessions.delete(key);
      this.#sessions.set(key, { entry, madeAt });
    }
    while (this.#sessions.size > this.#limit) this.#sessions.delete(this.#sessions.keys().next().value!);
    return entry;
  }
}
