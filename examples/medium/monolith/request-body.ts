// A request's JSON body: bounded, UTF-8, an object.
import type { IncomingMessage } from 'node:http';
import { ApiError, badRequest } from './api-error.ts';
import type { JsonObject } from './field.ts';

const MAX_BODY_BYTES = 512 * 1024;

export async function readJsonObject(request: IncomingMessage): Promise<JsonObject> {
  const contentType = request.headers['content-type'] ?? '';
  if (!/^application\/json\s*(;|$)/i.test(contentType)) {
    throw new ApiError(415, 'not_json', 'Send the body as application/json.');
  }
  const bytes = await readBytes(request);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw badRequest('bad_json', 'The body is not valid JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest('bad_json', 'The body must be a JSON object.');
  }
  return value as JsonObject;
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      // Past the bound the rest is read and thrown away: a socket closed under a sender hides the answer from it.
      if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    }
  } catch {
    throw badRequest('body_incomplete', 'The body ended before it was complete.');
  }
  if (size > MAX_BODY_BYTES) {
    throw new ApiError(413, 'body_too_large', `The body may have ${MAX_BODY_BYTES} bytes at most.`);
  }
  return Buffer.concat(chunks);
}
