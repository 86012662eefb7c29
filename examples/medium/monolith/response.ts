// Puts a reply on the wire: JSON, or a file with its ETag.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Reply } from './router.ts';
import type { StaticFile } from './static-file.ts';

export type Outgoing =
  | { readonly kind: 'json'; readonly reply: Reply }
  | { readonly kind: 'file'; readonly file: StaticFile };

/** Pages run their own scripts and styles only; pictures may come from anywhere safe. */
const PAGE_POLICY = "default-src 'self'; img-src 'self' data: https: http:; frame-ancestors 'none'";

export function send(request: IncomingMessage, response: ServerResponse, outgoing: Outgoing): void {
  response.setHeader('x-content-type-options', 'nosniff');
  if (outgoing.kind === 'json') sendJson(response, outgoing.reply);
  else sendFile(request, response, outgoing.file);
}

function sendJson(response: ServerResponse, { status, body, headers }: Reply): void {
  for (const [name, value] of Object.entries(headers ?? {})) response.setHeader(name, value);
  if (body === undefined) {
    response.writeHead(status).end();
    return;
  }
  const text = Buffer.from(JSON.stringify(body));
  response
    .writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': text.length,
      'cache-control': 'no-store',
    })
    .end(text);
}

function sendFile(request: IncomingMessage, response: ServerResponse, file: StaticFile): void {
  const headers = {
    'cache-control': 'no-cache',
    'content-security-policy': PAGE_POLICY,
    etag: file.etag,
  };
  const known = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known?.includes(file.etag) || known?.includes('*')) {
    response.writeHead(304, headers).end();
    return;
  }
  response
    .writeHead(200, {
      ...headers,
      'content-type': file.contentType,
      'content-length': file.content.length,
    })
    .end(file.content);
}
