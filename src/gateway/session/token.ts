// The read-your-writes token: how far the source's log had come when the session's newest write was answered. Signed,
// because a made-up position far ahead would send its reads to the monolith for nothing; bounded; versioned.
//
// One entry a source, not one a domain: all domains of a source share its write-ahead log, and one command may change what
// several of them show (a clap changes the totals that profiles show). One position covers them all.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Lsn, lsn } from '../../kernel/lsn.ts';

export interface TokenEntry {
  readonly source: string;
  /** Which history of the source the position lies in; positions of two histories are not compared. */
  readonly history: string;
  /** Ownership changes so far. A higher one is newer, whatever the position. */
  readonly epoch: number;
  /** `infinite`: written, but where is not known. Behind every position. */
  readonly lsn: Lsn | 'infinite';
}

const VERSION = 'v1';
const ENTRY_LIMIT = 8;
const TEXT_LIMIT = 1_024;
/** Recently checked tokens: a session shows the same one with every request. */
const CHECKED_LIMIT = 5_000;

export class TokenCodec {
  readonly #secret: string;
  readonly #checked = new Map<string, readonly TokenEntry[]>();

  constructor(secret: string) {
    this.#secret = secret;
  }

  /** Only characters that may stand in a cookie and in a header. The newest eight entries, when there are more. */
  encode(entries: readonly TokenEntry[]): string {
    const payload = entries
      .slice(-ENTRY_LIMIT)
      .map(({ source, history, epoch, lsn: position }) => {
        const place = position === 'infinite' ? '~' : position.toString(36);
        return [encodeURIComponent(source), encodeURIComponent(history), epoch.toString(36), place].join(':');
      })
      .join(',');
    const body = `${VERSION}.${Buffer.from(payload).toString('base64url')}`;
    return `${body}.${this.#sign(body).toString('base64url')}`;
  }

  /** Empty for anything that this secret did not sign. */
  decode(token: string): readonly TokenEntry[] {
    const known = this.#checked.get(token);
    if (known) return known;
    const entries = this.#verify(token);
    if (entries.length > 0) {
      if (this.#checked.size >= CHECKED_LIMIT) this.#checked.clear();
      this.#checked.set(token, entries);
    }
    return entries;
  }

  #verify(token: string): readonly TokenEntry[] {
    if (token.length > TEXT_LIMIT) return [];
    const [version, payload, mac, ...more] = token.split('.');
    if (version !== VERSION || !payload || !mac || more.length > 0) return [];
    const expected = this.#sign(`${version}.${payload}`);
    const given = Buffer.from(mac, 'base64url');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return [];
    return Buffer.from(payload, 'base64url')
      .toString()
      .split(',')
      .map((entry) => {
        const [source, history, epoch, place] = entry.split(':') as [string, string, string, string];
        return {
          source: decodeURIComponent(source),
          history: decodeURIComponent(history),
          epoch: Number.parseInt(epoch, 36),
          lsn: place === '~' ? 'infinite' : lsn(fromBase36(place)),
        };
      });
  }

  #sign(body: string): Buffer {
    return createHmac('sha256', this.#secret).update(body).digest().subarray(0, 16);
  }
}

/** The later of two entries of one source and history. */
export function laterEntry(a: TokenEntry, b: TokenEntry): TokenEntry {
  if (a.epoch !== b.epoch) return a.epoch > b.epoch ? a : b;
  if (a.lsn === 'infinite') return a;
  return b.lsn === 'infinite' || b.lsn > a.lsn ? b : a;
}

function fromBase36(text: string): bigint {
  let value = 0n;
  for (const digit of text) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  return value;
}
