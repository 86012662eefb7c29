// Where something goes wrong or takes too long: the rows of the reverse-proxy list about ends, limits and time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waitUntil } from '../../../src/runtime/wait.ts';
import { testGateway } from '../test-gateway.ts';
import { rawClient, rawServer, splitAnswer } from './raw-socket.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const GET = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';

test('row 9: a client that does not read holds the upstream back, and one that does gets all of it', async () => {
  const size = 64 * 1_048_576;
  const piece = Buffer.alloc(65_536, 'x');
  let sent = 0;
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('\r\n\r\n');
    upstream.send(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`);
    const more = (): void => {
      while (sent < size) {
        sent += piece.length;
        if (!upstream.socket.write(piece)) break;
      }
      if (sent < size) upstream.socket.once('drain', more);
    };
    more();
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  client.socket.removeAllListeners('data');
  client.socket.pause();
  client.send(GET);
  let before = -1;
  const hasStalled = (): boolean => {
    const isSame = sent > 0 && sent === before;
    before = sent;
    return isSame;
  };
  assert.ok(await waitUntil(hasStalled, { timeoutMs: 10_000, everyMs: 200 }));
  assert.ok(sent < size, `the gateway took in all ${sent} bytes`);
  let got = 0;
  client.socket.on('data', (data) => {
    got += data.length;
  });
  client.socket.resume();
  assert.ok(await waitUntil(() => got > size, { timeoutMs: 30_000 }));
  client.socket.destroy();
});

test('row 9: an upstream that does not read holds the client back', async () => {
  const size = 64 * 1_048_576 - 1_024;
  await using monolith = await rawServer((upstream) => {
    upstream.socket.removeAllListeners('data');
    upstream.socket.pause();
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  client.send(`PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
  client.send(Buffer.alloc(size));
  let before = -1;
  const hasStalled = (): boolean => {
    const isSame = client.socket.bytesWritten > 0 && client.socket.writableLength === before;
    before = client.socket.writableLength;
    return isSame;
  };
  assert.ok(await waitUntil(hasStalled, { timeoutMs: 10_000, everyMs: 200 }));
  assert.ok(client.socket.writableLength > 0, 'the gateway took in the whole body');
  client.socket.destroy();
});

test('row 10: a client that goes away ends the upstream’s request, also before an answer began', async () => {
  await using monolith = await rawServer(async (upstream) => {
    const head = await upstream.until('\r\n\r\n');
    if (head.includes('/stream'))
      upstream.send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n');
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  for (const path of ['/silent', '/stream']) {
    const client = rawClient(gateway.url);
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const upstream = await waitUntil(
      () => monolith.connections.find(({ received }) => received.includes(path)),
      { timeoutMs: 5_000, everyMs: 2 },
    );
    if (path === '/stream') await client.until('ok');
    client.socket.destroy();
    await upstream!.untilClosed();
  }
  assert.ok(await waitUntil(() => gateway.gateway.status().inFlight === 0, { timeoutMs: 5_000 }));
});

test('row 11: an upstream that dies in its answer breaks the client’s, never ends it; before it, 502', async () => {
  await using monolith = await rawServer(async (upstream) => {
    const head = await upstream.until('\r\n\r\n');
    if (head.includes('/length')) upstream.send('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort');
    if (head.includes('/chunked'))
      upstream.send('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n');
    if (head.includes('/half')) upstream.send('HTTP/1.1 200 OK\r\ncontent-le');
    setTimeout(() => upstream.socket.end(), 20);
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  for (const path of ['/length', '/chunked']) {
    const client = rawClient(gateway.url);
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const answer = await client.untilClosed();
    assert.match(answer, /short/);
    assert.doesNotMatch(answer, /\r\n0\r\n\r\n/);
  }
  for (const path of ['/half', '/none']) {
    const client = rawClient(gateway.url);
    client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal(splitAnswer(await client.until('}')).status, 502, path);
    client.socket.destroy();
  }
});

test('row 11: an answer that ends with its connection is whole', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\n\r\nall of it');
    upstream.socket.end();
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  client.send(GET);
  assert.match(await client.until('0\r\n\r\n'), /transfer-encoding: chunked[\s\S]*all of it\r\n0\r\n\r\n$/i);
  client.socket.destroy();
});

test('row 12: an answer before the request’s end is passed on, and neither connection is used again', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('some');
    upstream.send('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url, limits: { lingerMs: 50 } });
  const client = rawClient(gateway.url);
  client.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome');
  const answer = await client.untilClosed();
  assert.match(answer, /^HTTP\/1\.1 403 [\s\S]*connection: close[\s\S]*no$/i);
  await monolith.connections[0]!.untilClosed();
});

test('rows 13 and 14: only what may be repeated is, once, and only before an answer began', async () => {
  await using monolith = await rawServer(async (upstream) => {
    for await (const request of upstream.requests()) {
      const isFirstUse = upstream.received.indexOf('\r\n\r\n') === upstream.received.lastIndexOf('\r\n\r\n');
      if (request.includes('/warm') || isFirstUse) upstream.send(OK);
      else upstream.socket.destroy();
    }
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  const send = async (request: string): Promise<number> => {
    client.received = '';
    client.send(request);
    return splitAnswer(await client.until(/ok$|\}$/)).status;
  };
  assert.equal(await send('GET /warm HTTP/1.1\r\nHost: a\r\n\r\n'), 200);
  assert.equal(monolith.connections.length, 1);
  assert.equal(await send('GET /died HTTP/1.1\r\nHost: a\r\n\r\n'), 200);
  assert.equal(monolith.connections.length, 2, 'asked again on a fresh connection');
  for (const method of ['POST', 'PATCH']) {
    const before: number = monolith.connections.length;
    assert.equal(await send(`${method} /once HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`), 200);
    assert.equal(monolith.connections.length, before + 1, `${method} went out on a fresh connection`);
  }
  client.socket.destroy();
});

test('row 13: a POST that was sent is never sent again, and Retry-After is the client’s business', async () => {
  let requests = 0;
  await using monolith = await rawServer(async (upstream) => {
    for await (const request of upstream.requests()) {
      requests += 1;
      if (request.includes('/busy'))
        upstream.send('HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 2\r\n\r\nno');
      else upstream.socket.destroy();
    }
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  client.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
  assert.equal(splitAnswer(await client.until('}')).status, 502);
  assert.equal(requests, 1);
  client.received = '';
  client.send('GET /busy HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(await client.until('no'), /^HTTP\/1\.1 503 [\s\S]*retry-after: 2/);
  assert.equal(requests, 2);
  client.socket.destroy();
});

test('row 14: a connection is given up before the upstream’s Keep-Alive runs out', async () => {
  await using monolith = await rawServer(async (upstream) => {
    for await (const _request of upstream.requests())
      upstream.send(OK.replace('\r\n', '\r\nKeep-Alive: timeout=1\r\n'));
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  for (const uses of [1, 2]) {
    client.received = '';
    client.send(GET);
    await client.until('ok');
    assert.equal(monolith.connections.length, uses);
  }
  client.socket.destroy();
});

test('row 20: a body beyond the limit is 413: at once when its length says so, on the way when it is chunked', async () => {
  await using monolith = await rawServer(() => undefined);
  await using gateway = await testGateway({
    monolithUrl: monolith.url,
    limits: { bodyBytes: 10, lingerMs: 20 },
  });
  const announced = rawClient(gateway.url);
  announced.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n');
  assert.equal(splitAnswer(await announced.untilClosed()).status, 413);
  assert.equal(monolith.connections.length, 0);
  const chunked = rawClient(gateway.url);
  chunked.send('POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n');
  assert.equal(splitAnswer(await chunked.untilClosed()).status, 413);
  await monolith.connections[0]!.untilClosed();
});

test('row 21: no answer in time is 504, no connection 502, an answer that stops is broken off', async () => {
  const monolith = await rawServer(async (upstream) => {
    const head = await upstream.until('\r\n\r\n');
    if (head.includes('/stops')) upstream.send('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart');
  });
  await using gateway = await testGateway({
    monolithUrl: monolith.url,
    limits: { answerMs: 40, streamIdleMs: 40, bodyIdleMs: 40, lingerMs: 20 },
  });
  const silent = rawClient(gateway.url);
  silent.send(GET);
  assert.equal(splitAnswer(await silent.until('}')).status, 504);
  const stopping = rawClient(gateway.url);
  stopping.send('GET /stops HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(await stopping.untilClosed(), /part$/);
  const slow = rawClient(gateway.url);
  slow.send('POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\npart');
  assert.equal(splitAnswer(await slow.untilClosed()).status, 408);
  await monolith[Symbol.asyncDispose]();
  const late = rawClient(gateway.url);
  late.send(GET);
  assert.equal(splitAnswer(await late.until('}')).status, 502);
  for (const { socket } of [silent, late]) socket.destroy();
});

test('row 22: heads are bounded in size, number and time, connections in number', async () => {
  await using monolith = await rawServer(() => undefined);
  await using gateway = await testGateway({
    monolithUrl: monolith.url,
    limits: { headerBytes: 4_096, headers: 20, headerMs: 50, connectionsPerAddress: 3 },
  });
  const large = rawClient(gateway.url);
  large.send(`GET /x HTTP/1.1\r\nHost: a\r\nX-Large: ${'x'.repeat(5_000)}\r\n\r\n`);
  assert.equal(splitAnswer(await large.untilClosed()).status, 431);
  const many = rawClient(gateway.url);
  many.send(`GET /x HTTP/1.1\r\nHost: a\r\n${'X-M: 1\r\n'.repeat(30)}\r\n`);
  assert.equal(splitAnswer(await many.untilClosed()).status, 431);
  const slow = rawClient(gateway.url);
  slow.send('GET /x HTTP/1.1\r\nHost:');
  assert.equal(splitAnswer(await slow.untilClosed()).status, 408);
  const open = [1, 2, 3].map(() => rawClient(gateway.url));
  for (const client of open) client.send('GET');
  const fourth = rawClient(gateway.url);
  await fourth.untilClosed();
  assert.equal(fourth.received, '');
  for (const { socket } of open) socket.destroy();
  assert.equal(monolith.connections.length, 0);
});

test('row 27: CONNECT and TRACE are refused', async () => {
  await using monolith = await rawServer(() => undefined);
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  for (const line of ['CONNECT a:443', 'TRACE /x']) {
    const client = rawClient(gateway.url);
    client.send(`${line} HTTP/1.1\r\nHost: a:443\r\n\r\n`);
    assert.equal(splitAnswer(await client.untilClosed()).status, 405, line);
  }
  assert.equal(monolith.connections.length, 0);
});

test('row 29: draining lets what is in flight end, takes nothing new, and ends what does not', async () => {
  let finish = (): void => undefined;
  await using monolith = await rawServer(async (upstream) => {
    const head = await upstream.until('\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\npart');
    if (head.includes('/ends')) finish = () => upstream.send(' whole');
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url, limits: { drainMs: 300 } });
  const idle = rawClient(gateway.url);
  const ending = rawClient(gateway.url);
  ending.send('GET /ends HTTP/1.1\r\nHost: a\r\n\r\n');
  const hanging = rawClient(gateway.url);
  hanging.send('GET /hangs HTTP/1.1\r\nHost: a\r\n\r\n');
  await ending.until('part');
  await hanging.until('part');
  const drained = gateway.gateway.drain();
  await idle.untilClosed();
  finish();
  await ending.until('part whole');
  await hanging.untilClosed();
  await drained;
  const late = rawClient(gateway.url);
  await late.untilClosed();
  assert.equal(late.received, '');
});

test('row 30: the gateway’s own answers are problem documents with a request id and no address', async () => {
  const monolith = await rawServer(() => undefined);
  await monolith[Symbol.asyncDispose]();
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  client.send('GET /x HTTP/1.1\r\nHost: a\r\nX-Request-Id: abc-123\r\n\r\n');
  const { head, body } = splitAnswer(await client.until('}'));
  assert.match(head, /content-type: application\/problem\+json/);
  assert.match(head, /x-request-id: abc-123/);
  assert.deepEqual(JSON.parse(body), {
    type: 'about:blank',
    title: 'Bad Gateway',
    status: 502,
    detail: 'The application cannot be reached.',
    requestId: 'abc-123',
  });
  assert.doesNotMatch(body, new RegExp(new URL(monolith.url).port));
  client.socket.destroy();
});
