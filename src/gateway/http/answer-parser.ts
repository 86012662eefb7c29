// Reads HTTP/1.1 answers off a connection (RFC 9112), strictly: where two readers could disagree about where an answer
// ends, it is malformed and the connection is not used again.

export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  /** Name, value, name, value …: order, case and multiplicity as they came. */
  readonly headers: readonly string[];
  readonly framing: 'none' | 'length' | 'chunked' | 'close';
  /** The other side keeps the connection open after this answer. */
  readonly isKeepAlive: boolean;
  /** What the other side says it keeps an unused connection for. */
  readonly keepAliveMs: number | undefined;
}

export interface AnswerEvents {
  /** A 1xx answer; the final one follows. */
  information(status: number, reason: string, headers: readonly string[]): void;
  head(head: AnswerHead): void;
  body(chunk: Buffer): void;
  /** `hasExcess`: bytes follow that nobody asked for. */
  end(trailers: readonly string[], hasExcess: boolean): void;
  /** 101: what follows is another protocol, of which `rest` has arrived. */
  upgraded(head: AnswerHead, rest: Buffer): void;
}

/** The answer breaks the protocol; the message says how and holds none of its bytes. */
export class MalformedAnswer extends Error {}

const HEAD_LIMIT = 65_536;
const SIZE_LINE_LIMIT = 1_024;
const INFORMATION_LIMIT = 16;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const HEADER_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/;
const HEAD_END = Buffer.from('\r\n\r\n');

type State =
  | 'idle'
  | 'head'
  | 'length'
  | 'chunk-size'
  | 'chunk-data'
  | 'chunk-end'
  | 'trailers'
  | 'close'
  | 'upgraded';

export class AnswerParser {
  readonly #events: AnswerEvents;
  #state: State = 'idle';
  #isToHead = false;
  #mayUpgrade = false;
  #informations = 0;
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0;
  #rest: Buffer | undefined;

  constructor(events: AnswerEvents) {
    this.#events = events;
  }

  /** Expects the answer to a request. */
  begin(method: string, mayUpgrade: boolean): void {
    this.#state = 'head';
    this.#isToHead = method === 'HEAD';
    this.#mayUpgrade = mayUpgrade;
    this.#informations = 0;
  }

  /** Throws MalformedAnswer. */
  execute(piece: Buffer): void {
    let data = piece;
    if (this.#rest) {
      data = Buffer.concat([this.#rest, piece]);
      this.#rest = undefined;
    }
    let at = 0;
    while (at < data.length) {
      const next = this.#step(data, at);
      if (next === undefined) {
        this.#rest = at === 0 ? data : data.subarray(at);
        return;
      }
      at = next;
    }
  }

  /** The connection has ended. True when that is how the answer was to end. */
  finish(): boolean {
    if (this.#state !== 'close') return false;
    this.#end([], false);
    return true;
  }

  /** Reads what it can from `at` and returns where it stopped; undefined when a line is not yet whole. */
  #step(data: Buffer, at: number): number | undefined {
    switch (this.#state) {
      case 'head': {
        const end = data.indexOf(HEAD_END, at);
        if (end < 0 || end - at > HEAD_LIMIT) return whenShort(data.length - at, HEAD_LIMIT, 'its head');
        return this.#head(data.toString('latin1', at, end), data, end + 4);
      }
      case 'length':
      case 'chunk-data':
      case 'close': {
        const size = this.#state === 'close' ? data.length - at : Math.min(this.#left, data.length - at);
        this.#events.body(at === 0 && size === data.length ? data : data.subarray(at, at + size));
        if (this.#state === 'close') return data.length;
        this.#left -= size;
        if (this.#left === 0) {
          if (this.#state === 'chunk-data') this.#state = 'chunk-end';
          else this.#end([], at + size < data.length);
        }
        return at + size;
      }
      case 'chunk-size': {
        const line = lineAt(data, at, SIZE_LINE_LIMIT, 'a chunk size');
        if (line === undefined) return undefined;
        const size = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/.exec(line);
        if (!size) throw new MalformedAnswer('a chunk size is not a hexadecimal number');
        this.#left = Number.parseInt(size[1]!, 16);
        this.#state = this.#left === 0 ? 'trailers' : 'chunk-data';
        return at + line.length + 2;
      }
      case 'chunk-end': {
        if (data.length - at < 2) return undefined;
        if (data[at] !== 13 || data[at + 1] !== 10)
          throw new MalformedAnswer('a chunk is longer than it says');
        this.#state = 'chunk-size';
        return at + 2;
      }
      case 'trailers': {
        const first = lineAt(data, at, HEAD_LIMIT, 'its trailers');
        if (first === undefined) return undefined;
        if (first === '') {
          this.#end([], at + 2 < data.length);
          return at + 2;
        }
        const end = data.indexOf(HEAD_END, at);
        if (end < 0) return whenShort(data.length - at, HEAD_LIMIT, 'its trailers');
        this.#end(parseHeaderLines(data.toString('latin1', at, end).split('\r\n')), end + 4 < data.length);
        return end + 4;
      }
      default:
        // Bytes after the end: `end` has told, and the connection is about to be destroyed.
        return data.length;
    }
  }

  #head(text: string, data: Buffer, after: number): number {
    const lines = text.split('\r\n');
    const line = STATUS_LINE.exec(lines.shift()!);
    if (!line) throw new MalformedAnswer('its status line is not that of HTTP/1.1');
    const status = Number(line[2]);
    const reason = line[3] ?? '';
    const headers = parseHeaderLines(lines);
    const head = readFraming(line[1] === '1', status, reason, headers, this.#isToHead);
    if (status === 101) {
      if (!this.#mayUpgrade) throw new MalformedAnswer('it changes the protocol, which nobody asked for');
      this.#state = 'upgraded';
      this.#events.upgraded(head, data.subarray(after));
      return data.length;
    }
    if (status < 200) {
      this.#informations += 1;
      if (this.#informations > INFORMATION_LIMIT)
        throw new MalformedAnswer('it never comes to its final status');
      this.#events.information(status, reason, headers);
      return after;
    }
    if (head.framing === 'length') this.#left = contentLength(headers);
    const isBodyless = head.framing === 'none' || (head.framing === 'length' && this.#left === 0);
    this.#state = head.framing === 'chunked' ? 'chunk-size' : head.framing === 'close' ? 'close' : 'length';
    this.#events.head(head);
    if (isBodyless) this.#end([], after < data.length);
    return after;
  }

  #end(trailers: readonly string[], hasExcess: boolean): void {
    this.#state = 'idle';
    this.#events.end(trailers, hasExcess);
  }
}

function parseHeaderLines(lines: readonly string[]): string[] {
  const headers: string[] = [];
  for (const line of lines) {
    const parts = HEADER_LINE.exec(line);
    if (!parts) throw new MalformedAnswer('a header line is not a name, a colon and a value');
    headers.push(parts[1]!, trimBlanks(parts[2]!));
  }
  return headers;
}

/** Not `trim`: that takes bytes above 0x7f for blanks. */
function trimBlanks(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isBlank(text.charCodeAt(from))) from += 1;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1;
  return text.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** RFC 9112, 6.3, less all that is only there to be lenient. */
function readFraming(
  isVersion11: boolean,
  status: number,
  reason: string,
  headers: readonly string[],
  isToHead: boolean,
): AnswerHead {
  let lengths = 0;
  let codings = 0;
  let isKeepAlive = isVersion11;
  let keepAliveMs: number | undefined;
  for (let at = 0; at < headers.length; at += 2) {
    const value = headers[at + 1]!;
    switch (headers[at]!.toLowerCase()) {
      case 'content-length':
        lengths += 1;
        if (!/^\d{1,15}$/.test(value)) throw new MalformedAnswer('its content length is not a number');
        break;
      case 'transfer-encoding':
        codings += 1;
        if (value.toLowerCase() !== 'chunked' || !isVersion11)
          throw new MalformedAnswer('its transfer encoding is another than `chunked`');
        break;
      case 'connection':
        if (/(^|,)\s*close\s*(,|$)/i.test(value)) isKeepAlive = false;
        break;
      case 'keep-alive': {
        const seconds = /timeout=(\d{1,6})/i.exec(value);
        if (seconds) keepAliveMs = Number(seconds[1]) * 1_000;
      }
    }
  }
  if (lengths + codings > 1) throw new MalformedAnswer('it says in two ways how long it is');
  const isBodyless = isToHead || status < 200 || status === 204 || status === 304;
  const framing = isBodyless ? 'none' : codings > 0 ? 'chunked' : lengths > 0 ? 'length' : 'close';
  return { status, reason, headers, framing, isKeepAlive: isKeepAlive && framing !== 'close', keepAliveMs };
}

function contentLength(headers: readonly string[]): number {
  const at = headers.findIndex((text, index) => index % 2 === 0 && text.toLowerCase() === 'content-length');
  return Number(headers[at + 1]);
}

/** The line that begins at `at`, without its end; undefined while it is not whole. */
function lineAt(data: Buffer, at: number, limit: number, what: string): string | undefined {
  const end = data.indexOf('\r\n', at, 'latin1');
  if (end < 0 || end - at > limit) return whenShort(data.length - at, limit, what);
  return data.toString('latin1', at, end);
}

function whenShort(size: number, limit: number, what: string): undefined {
  if (size > limit) throw new MalformedAnswer(`${what} is too long`);
  return undefined;
}
