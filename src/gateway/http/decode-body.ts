// The JSON of a captured answer, whatever its content coding, within a cap; for comparison only.
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import { type ExactJson, parseExact } from '../shadow/compare-response.ts';
import type { CapturedAnswer } from './answer-copy.ts';
import { headerOf } from './answer-head.ts';

const DECODERS = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  br: promisify(brotliDecompress),
  deflate: promisify(inflate),
} as const;

export function isJson(headers: readonly string[]): boolean {
  return /^application\/(?:[\w.-]+\+)?json\b/i.test(headerOf(headers, 'content-type') ?? '');
}

/** Undefined when it is not JSON, or larger than `maxBytes` once decoded. */
export async function decodeJson(answer: CapturedAnswer, maxBytes: number): Promise<ExactJson | undefined> {
  if (!isJson(answer.headers)) return undefined;
  const coding = (headerOf(answer.headers, 'content-encoding') ?? 'identity').toLowerCase();
  try {
    const decoder = coding in DECODERS ? DECODERS[coding as keyof typeof DECODERS] : undefined;
    if (!decoder && coding !== 'identity') return undefined;
    const body = decoder ? await decoder(answer.body, { maxOutputLength: maxBytes }) : answer.body;
    return parseExact(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
