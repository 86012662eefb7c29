// Row 17: no request may hold another one for the next reader. Each of these is refused, or goes on with one meaning only.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testGateway } from '../test-gateway.ts';
import { type RawServer, rawClient, rawServer, splitAnswer } from './raw-socket.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

function echo(): Promise<RawServer> {
  return rawServer(async (upstream) => {
    for await (const _request of upstream.requests()) upstream.send(OK);
  });
}

const REFUSED: Readonly<Record<string, string>> = {
  'content length beside transfer encoding':
    'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'transfer encoding beside content length':
    'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n',
  'two different content lengths':
    'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
  'two equal content lengths':
    'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na',
  'a list of content lengths': 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\na',
  'a signed content length': 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\na',
  'a hexadecimal content length': 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\na',
  'an empty content length': 'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\na',
  'a transfer encoding before chunked':
    'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  'another transfer encoding': 'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
  'chunked twice': 'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
  'two transfer encodings':
    'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'chunked in HTTP/1.0': 'POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a folded header': 'GET /x HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n X-B: 2\r\n\r\n',
  'a folded transfer encoding':
    'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n',
  'a space before the colon': 'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
  'a bare line feed': 'GET /x HTTP/1.1\nHost: a\n\n',
  'a bare line feed between headers': 'GET /x HTTP/1.1\r\nHost: a\r\nX-A: 1\nX-B: 2\r\n\r\n',
  'a bare carriage return in a value': 'GET /x HTTP/1.1\r\nHost: a\r\nX-A: 1\rX-B: 2\r\n\r\n',
  'a NUL in a value': 'GET /x HTTP/1.1\r\nHost: a\r\nX-A: 1\x002\r\n\r\n',
  'a NUL in a name': 'GET /x HTTP/1.1\r\nHost: a\r\nX-\x00A: 1\r\n\r\n',
  'a header without a colon': 'GET /x HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n',
  'a name that is no token': 'GET /x HTTP/1.1\r\nHost: a\r\nX(A): 1\r\n\r\n',
  'no Host': 'GET /x HTTP/1.1\r\n\r\n',
  'a Host with a path': 'GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n',
  'a target that is no path': 'GET x HTTP/1.1\r\nHost: a\r\n\r\n',
  'a space in the target': 'GET /x y HTTP/1.1\r\nHost: a\r\n\r\n',
  'a later HTTP': 'GET /x HTTP/2.0\r\nHost: a\r\n\r\n',
  'a chunk size that is none':
    'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n',
  'a negative chunk size':
    'POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n',
};

test('row 17: what could be read in two ways is refused, and the connection is closed', async (t) => {
  await using monolith = await echo();
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  for (const [name, request] of Object.entries(REFUSED)) {
    await t.test(name, async () => {
      const client = rawClient(gateway.url);
      client.send(`${request}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
      const { status } = splitAnswer(await client.untilClosed());
      assert.ok(status >= 400 && status < 600 && status !== 502, `answered ${status}`);
      assert.doesNotMatch(client.received, /200 OK/);
      client.socket.destroy();
    });
  }
  for (const { received } of monolith.connections) assert.doesNotMatch(received, /smuggled/);
});

test('row 17: a chunked body goes on as one, with any method', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('0\r\n\r\n');
    upstream.send(OK);
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const inner = 'GET /admin HTTP/1.1\r\nHost: a\r\n\r\n';
  for (const method of ['DELETE', 'OPTIONS', 'GET', 'POST', 'PATCH']) {
    const client = rawClient(gateway.url);
    client.send(
      `${method} /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n${inner.length.toString(16)};ext=1\r\n${inner}\r\n0\r\n\r\n`,
    );
    await client.until('ok');
    const sent = monolith.connections.at(-1)!.received;
    assert.ok(sent.startsWith(`${method} /x HTTP/1.1\r\n`));
    assert.match(sent, /\r\ntransfer-encoding: chunked\r\n\r\n/);
    assert.doesNotMatch(sent, /content-length/i);
    assert.ok(sent.endsWith(`\r\n${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`), sent);
    client.socket.destroy();
    for (const { socket } of monolith.connections) socket.destroy();
  }
});

test('row 17: an upstream’s answer that could be read in two ways is a 502, and its connection is not used again', async () => {
  const answers = [
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nX-A: 1\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nX-A: \x00\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(70_000)}\r\n\r\n`,
    'ok\r\n\r\n',
  ];
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('\r\n\r\n');
    upstream.send(answers[monolith.connections.indexOf(upstream)]!);
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  for (const answer of answers) {
    const client = rawClient(gateway.url);
    client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
    const { status, body } = splitAnswer(await client.until('}'));
    assert.equal(status, 502, answer.slice(0, 80));
    assert.doesNotMatch(body, /127\.0\.0\.1/);
    client.socket.destroy();
  }
  assert.equal(monolith.connections.length, answers.length);
});

test('row 17: bytes behind an upstream’s answer are nobody’s answer', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('\r\n\r\n');
    upstream.send(`${OK}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil`);
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  for (const round of [1, 2]) {
    client.received = '';
    client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
    assert.equal(splitAnswer(await client.until('ok')).body, 'ok');
    assert.equal(monolith.connections.length, round);
  }
  client.socket.destroy();
});

test('row 17: pipelined requests are answered in order, one after the other', async () => {
  const order: string[] = [];
  await using monolith = await rawServer(async (upstream) => {
    for await (const request of upstream.requests()) {
      const path = request.split(' ')[1]!;
      order.push(path);
      upstream.send(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n${path}`);
    }
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  const head = ' HTTP/1.1\r\nHost: a\r\n';
  client.send(`GET /1${head}\r\nPOST /2${head}Content-Length: 0\r\n\r\nGET /3${head}\r\n`);
  assert.match(await client.until(/\/3$/), /\/1HTTP[\s\S]*\/2HTTP[\s\S]*\/3$/);
  assert.deepEqual(order, ['/1', '/2', '/3']);
  client.socket.destroy();
});
