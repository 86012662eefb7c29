// What goes in comes out: the rows of the reverse-proxy list that are about passing on what was sent, on raw sockets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testGateway } from '../test-gateway.ts';
import { rawClient, rawServer, splitAnswer } from './raw-socket.ts';

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

test('row 1: hop-by-hop headers, and what Connection names, are dropped in both directions', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('\r\n\r\n');
    upstream.send(
      'HTTP/1.1 200 OK\r\nConnection: X-Internal, keep-alive\r\nX-Internal: secret\r\nKeep-Alive: timeout=5\r\n' +
        'Proxy-Connection: keep-alive\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-Kept: yes\r\n' +
        'banyan-side: service\r\nbanyan-refused: behind\r\nContent-Length: 2\r\n\r\nok',
    );
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  client.send(
    'GET /x HTTP/1.1\r\nHost: app.test\r\nConnection: X-Mine, Banyan-Side, X-Forwarded-For, Host\r\nX-Mine: 1\r\n' +
      'Keep-Alive: timeout=9\r\nProxy-Authorization: Basic eA==\r\nProxy-Connection: close\r\nTE: trailers, deflate\r\n' +
      'HTTP2-Settings: x\r\nbanyan-min-position: app@0/1\r\nBanyan-Anything: 1\r\nX_Under: 1\r\nX-End: 1\r\n\r\n',
  );
  const { head } = splitAnswer(await client.until('ok'));
  assert.match(head, /X-Kept: yes/);
  assert.match(head, /banyan-side: monolith/);
  assert.doesNotMatch(head, /X-Internal|timeout=5\b.*timeout|Proxy-|Upgrade|banyan-side: service|refused/i);
  const sent = monolith.connections[0]!.received;
  assert.match(sent, /X-End: 1/);
  assert.match(sent, /Host: app\.test/);
  assert.match(sent, /te: trailers\r\n/);
  assert.match(sent, /x-forwarded-for: 127\.0\.0\.1\r\n/);
  assert.doesNotMatch(sent, /X-Mine|Keep-Alive|Proxy-|deflate|HTTP2|banyan-min|Banyan-Any|X_Under/i);
  client.socket.destroy();
});

test('row 2: a body goes through byte for byte, whatever it holds', async () => {
  const body = '{"id":12345678901234567890,"id":1.0,"text":"\xff\x00\xfe"}';
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until(body);
    upstream.send(
      `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  client.send(
    `POST /x HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  assert.equal(splitAnswer(await client.until(body)).body, body);
  client.socket.destroy();
});

test('row 3: the target goes through as it came', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('\r\n\r\n');
    upstream.send(OK);
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  for (const target of [
    '/a/./b',
    '//a//b/',
    '/%7Euser/%41%2f?x=%20&y=/../',
    '/a/../b',
    '/?',
    '/a;b=c',
    '/\'"<>',
  ]) {
    const client = rawClient(gateway.url);
    client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.equal(splitAnswer(await client.until('ok')).status, 200, target);
    const seen = monolith.connections.at(-1)!.received;
    assert.ok(seen.includes(`GET ${target} HTTP/1.1\r\n`), `${target} became ${seen.split('\r\n')[0]}`);
    for (const { socket } of monolith.connections) socket.destroy();
  }
});

test('row 3: a target that can be read in two ways is refused where a domain claims one reading', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('\r\n\r\n');
    upstream.send(OK);
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  for (const target of [
    '/posts/%2e%2e/admin',
    '/posts/..;/admin',
    '/posts/a%2fb',
    '/posts/a%5Cb',
    '/posts/a\\b',
    '/x/../posts/1',
    '/x/%2e%2e/posts/1',
    '/%2e/posts/1',
    '/posts%2f1',
    '/posts/%252e%252e/x',
    '/posts/a%00',
    '/POSTS/./1',
  ]) {
    const client = rawClient(gateway.url);
    client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const { status, body } = splitAnswer(await client.until('}'));
    assert.equal(status, 400, target);
    assert.match(body, /requestId/);
    client.socket.destroy();
  }
  assert.equal(monolith.connections.length, 0);
});

test('row 3: an absolute-form target goes on in origin form, and only for the Host it names', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('\r\n\r\n');
    upstream.send(OK);
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  client.send('GET http://app.test/a/b?c HTTP/1.1\r\nHost: app.test\r\n\r\n');
  await client.until('ok');
  assert.match(monolith.connections[0]!.received, /^GET \/a\/b\?c HTTP\/1\.1\r\n/);
  const other = rawClient(gateway.url);
  other.send('GET http://evil.test/a HTTP/1.1\r\nHost: app.test\r\n\r\n');
  assert.equal(splitAnswer(await other.until('}')).status, 400);
  client.socket.destroy();
  other.socket.destroy();
});

test('row 4: 100-continue is the upstream’s word, and a refusal comes before the body', async () => {
  await using monolith = await rawServer(async (upstream) => {
    const head = await upstream.until('\r\n\r\n');
    if (head.includes('/denied')) {
      upstream.send('HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nno');
      return;
    }
    assert.match(head, /expect: 100-continue/);
    upstream.send('HTTP/1.1 100 Continue\r\n\r\n');
    await upstream.until('hello');
    upstream.send(OK);
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url, limits: { expectMs: 60_000 } });
  const client = rawClient(gateway.url);
  client.send('POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
  await client.until('HTTP/1.1 100 Continue\r\n\r\n');
  client.send('hello');
  await client.until(/200 OK[\s\S]*ok$/);
  const denied = rawClient(gateway.url);
  denied.send('POST /denied HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
  const answer = await denied.untilClosed();
  assert.match(answer, /^HTTP\/1\.1 401 Unauthorized\r\n/);
  assert.match(answer, /connection: close/i);
  const odd = rawClient(gateway.url);
  odd.send('POST /x HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\nContent-Length: 5\r\n\r\n');
  assert.equal(splitAnswer(await odd.until('}')).status, 417);
  for (const { socket } of [client, denied, odd]) socket.destroy();
});

test('row 4: an upstream that says nothing to Expect gets the body after a while', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('hello');
    upstream.send(OK);
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url, limits: { expectMs: 20 } });
  const client = rawClient(gateway.url);
  client.send('POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
  await client.until('100 Continue');
  client.send('hello');
  await client.until(/200 OK[\s\S]*ok$/);
  client.socket.destroy();
});

test('row 5: 103 and other informational answers are relayed, each header of them', async () => {
  await using monolith = await rawServer(async (upstream) => {
    for await (const _request of upstream.requests()) {
      upstream.send('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nLink: </b.css>\r\nConnection: x\r\n\r\n');
      upstream.send('HTTP/1.1 102 Processing\r\n\r\n');
      upstream.send(OK);
    }
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  client.send('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
  const answer = await client.until('ok');
  assert.match(
    answer,
    /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>\r\nLink: <\/b\.css>\r\n\r\nHTTP\/1\.1 102 /,
  );
  const old = rawClient(gateway.url);
  old.send('GET /x HTTP/1.0\r\nHost: a\r\n\r\n');
  assert.match(await old.untilClosed(), /^HTTP\/1\.1 200 OK/);
  client.socket.destroy();
});

test('row 8: trailers go both ways when the client takes them', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('x-sum: 5\r\n\r\n');
    upstream.send(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Check\r\n\r\n2\r\nok\r\n0\r\nX-Check: 7\r\nSet-Cookie: evil=1\r\n\r\n',
    );
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const request =
    'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nauthorization: x\r\nbanyan-token: x\r\nx-sum: 5\r\n\r\n';
  const client = rawClient(gateway.url);
  client.send(`PUT /x HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n${request}`);
  const answer = await client.until('0\r\nX-Check: 7\r\n\r\n');
  assert.match(answer, /Trailer: X-Check/);
  assert.doesNotMatch(answer, /evil/);
  assert.match(monolith.connections[0]!.received, /5\r\nhello\r\n0\r\nx-sum: 5\r\n\r\n$/);
  const plain = rawClient(gateway.url);
  plain.send(`PUT /x HTTP/1.1\r\nHost: a\r\n${request}`);
  assert.doesNotMatch(await plain.until('0\r\n\r\n'), /X-Check/);
  for (const { socket } of [client, plain]) socket.destroy();
});

test('row 15: X-Forwarded-* are replaced, and added to only for a trusted peer; Via is added and a loop is refused', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('\r\n\r\n');
    upstream.send(OK);
  });
  const request =
    'GET /x HTTP/1.1\r\nHost: app.test\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n' +
    'X-Forwarded-Host: evil\r\nForwarded: for=6.6.6.6\r\nVia: 1.1 cdn\r\n\r\n';
  await using open = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(open.url);
  client.send(request);
  await client.until('ok');
  const sent = monolith.connections[0]!.received;
  assert.match(
    sent,
    /x-forwarded-for: 127\.0\.0\.1\r\nx-forwarded-proto: http\r\nx-forwarded-host: app\.test\r\n/,
  );
  assert.match(sent, new RegExp(`x-forwarded-port: ${new URL(open.url).port}\r\n`));
  assert.match(sent, /via: 1\.1 cdn, 1\.1 banyan-[0-9a-f]{8}\r\n/);
  assert.doesNotMatch(sent, /6\.6\.6\.6|evil/);
  await using behind = await testGateway({ monolithUrl: monolith.url, trustedProxies: ['127.0.0.0/8'] });
  const proxied = rawClient(behind.url);
  proxied.send(request);
  await proxied.until('ok');
  const believed = monolith.connections[1]!.received;
  assert.match(
    believed,
    /x-forwarded-for: 6\.6\.6\.6, 127\.0\.0\.1\r\nx-forwarded-proto: https\r\nx-forwarded-host: evil/,
  );
  const looping = rawClient(open.url);
  looping.send(`GET /x HTTP/1.1\r\nHost: a\r\nVia: ${/via: (.*)\r\n/.exec(sent)![1]}\r\n\r\n`);
  assert.equal(splitAnswer(await looping.until('}')).status, 508);
  for (const { socket } of [client, proxied, looping]) socket.destroy();
});

test('rows 16 and 24: Host is kept, repeated headers keep order and number, Set-Cookie is never joined', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('\r\n\r\n');
    upstream.send(
      'HTTP/1.1 200 Fine\r\nX-A: 1\r\nSet-Cookie: a=1; Path=/\r\nx-a: 2\r\nSet-Cookie: b=2\r\nX-Latin: \xe9\xa0\r\ncontent-length: 2\r\n\r\nok',
    );
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  client.send(
    'GET /x HTTP/1.1\r\nHost: Shop.Example:8080\r\nX-R: 1\r\nX-S: s\r\nx-r: 2\r\nX-L: \xe9\r\n\r\n',
  );
  const answer = await client.until('ok');
  assert.match(
    answer,
    /^HTTP\/1\.1 200 Fine\r\nX-A: 1\r\nSet-Cookie: a=1; Path=\/\r\nx-a: 2\r\nSet-Cookie: b=2\r\nX-Latin: \xe9\xa0\r\n/,
  );
  assert.match(
    monolith.connections[0]!.received,
    /Host: Shop\.Example:8080\r\nX-R: 1\r\nX-S: s\r\nx-r: 2\r\nX-L: \xe9\r\n/,
  );
  const doubled = rawClient(gateway.url);
  doubled.send('GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
  assert.equal(splitAnswer(await doubled.until('}')).status, 400);
  for (const { socket } of [client, doubled]) socket.destroy();
});

test('row 25: HEAD, 204 and 304 have no body, HEAD and 304 keep their Content-Length', async () => {
  await using monolith = await rawServer(async (upstream) => {
    const heads = ['204 No Content\r\n', '304 Not Modified\r\nETag: "x"\r\ncontent-length: 5\r\n'];
    for (const [at, path] of ['/head', '/none', '/same', '/after'].entries()) {
      await upstream.until(path);
      if (path === '/head') upstream.send('HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n');
      else upstream.send(path === '/after' ? OK : `HTTP/1.1 ${heads[at - 1]}\r\n`);
    }
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  client.send('HEAD /head HTTP/1.1\r\nHost: a\r\n\r\n');
  const head = await client.until('\r\n\r\n');
  assert.match(head, /content-length: 1234/);
  assert.ok(head.endsWith('\r\n\r\n'));
  client.received = '';
  client.send('GET /none HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(await client.until('\r\n\r\n'), /^HTTP\/1\.1 204 No Content\r\n/);
  client.received = '';
  client.send('GET /same HTTP/1.1\r\nHost: a\r\nIf-None-Match: "x"\r\n\r\n');
  assert.match(
    await client.until('\r\n\r\n'),
    /^HTTP\/1\.1 304 Not Modified\r\nETag: "x"\r\ncontent-length: 5\r\n/,
  );
  client.received = '';
  client.send('GET /after HTTP/1.1\r\nHost: a\r\n\r\n');
  assert.match(await client.until('ok'), /^HTTP\/1\.1 200 OK\r\n/);
  assert.equal(monolith.connections.length, 1);
  client.socket.destroy();
});

test('row 6: WebSocket is tunnelled, early bytes of both sides included; the end of one side ends the other', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('\r\n\r\n');
    upstream.send(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello',
    );
    await upstream.until('earlyping');
    upstream.send('pong');
    await upstream.until('bye');
    upstream.socket.end();
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  client.send(
    'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k==\r\nSec-WebSocket-Version: 13\r\n\r\nearly',
  );
  const head = await client.until('hello');
  assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.match(head, /Sec-WebSocket-Accept: x/);
  assert.match(monolith.connections[0]!.received, /Sec-WebSocket-Key: k==\r\n/);
  assert.match(monolith.connections[0]!.received, /Upgrade: websocket\r\n/i);
  client.send('ping');
  await client.until('pong');
  client.send('bye');
  await client.untilClosed();
});

test('row 6: a declined upgrade is an ordinary answer, any other protocol is not asked for, an unreachable side is 502', async () => {
  const monolith = await rawServer(async (upstream) => {
    for await (const _request of upstream.requests()) {
      upstream.send('HTTP/1.1 426 Upgrade Required\r\ncontent-length: 2\r\n\r\nno');
    }
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const upgrade = 'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
  const client = rawClient(gateway.url);
  client.send(upgrade);
  assert.match(await client.untilClosed(), /^HTTP\/1\.1 426 [\s\S]*connection: close[\s\S]*no$/);
  const h2c = rawClient(gateway.url);
  h2c.send(upgrade.replace('websocket', 'h2c'));
  await h2c.until('no');
  assert.doesNotMatch(monolith.connections.at(-1)!.received.split('/chat').at(-1)!, /upgrade/i);
  await monolith[Symbol.asyncDispose]();
  const late = rawClient(gateway.url);
  late.send(upgrade);
  assert.match(await late.untilClosed(), /^HTTP\/1\.1 502 /);
  h2c.socket.destroy();
});

test('row 7: each piece of an event stream reaches the client before the next is sent', async () => {
  await using monolith = await rawServer(async (upstream) => {
    await upstream.until('\r\n\r\n');
    upstream.send('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n');
  });
  await using gateway = await testGateway({ monolithUrl: monolith.url });
  const client = rawClient(gateway.url);
  client.send('GET /stream HTTP/1.1\r\nHost: a\r\n\r\n');
  await client.until('text/event-stream');
  for (const round of [1, 2, 3]) {
    monolith.connections[0]!.send(`9\r\ndata: ${round}\n\n\r\n`);
    await client.until(`data: ${round}\n\n`);
  }
  client.socket.destroy();
});
