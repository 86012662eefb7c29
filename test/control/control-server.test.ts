// A role's control endpoint: open for probes, closed for everything else without the token or from another origin.
import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { after, before, suite, test } from 'node:test';
import { controlClient } from '../../src/control/control-client.ts';
import { type ControlServer, listen, startControlServer } from '../../src/control/control-server.ts';
import { BanyanError } from '../../src/kernel/error.ts';
import { silentLog } from '../../src/runtime/log.ts';
import { freePort } from '../../src/testing/embedded-postgres.ts';

const TOKEN = 'a token of the tests';

suite('the control endpoint', () => {
  let server: ControlServer;
  let port: number;
  let isReady = true;
  let done = 0;
  before(async () => {
    port = await freePort();
    server = await startControlServer({
      ...{ port, token: TOKEN, log: silentLog, isReady: () => isReady },
      status: () => ({ role: 'test', done }),
      metrics: () => [
        {
          ...{ name: 'banyan_done_total', type: 'counter', help: 'What was done.' },
          samples: [{ labels: { who: 'a "quoted"\nname\\' }, value: 3 }],
        },
      ],
      commands: {
        work: async (input) => {
          done += (input as { readonly by: number }).by;
          return { done };
        },
        refuse: async () => {
          throw new BanyanError('LEASE_HELD', 'Somebody else is at it', { at: 'there', why: 'it is so' });
        },
        fail: async () => {
          throw new Error('a row value that nobody may see');
        },
      },
    });
  });
  after(() => server[Symbol.asyncDispose]());

  const ask = (
    path: string,
    headers: Readonly<Record<string, string>> = {},
    method = 'GET',
    body = '',
  ): Promise<{ readonly status: number; readonly body: string }> =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port, path, method, headers }, async (response) => {
        let text = '';
        for await (const chunk of response) text += String(chunk);
        resolve({ status: response.statusCode!, body: text });
      })
        .on('error', reject)
        .end(body);
    });
  const authorization = `Bearer ${TOKEN}`;

  test('probes and metrics need no token', async () => {
    assert.equal((await ask('/livez')).status, 200);
    assert.equal((await ask('/readyz')).status, 200);
    isReady = false;
    assert.equal((await ask('/readyz')).status, 503);
    assert.equal((await ask('/livez')).status, 200, 'what is not ready is not restarted');
    isReady = true;
    const { body } = await ask('/metrics');
    assert.equal(
      body,
      '# HELP banyan_done_total What was done.\n# TYPE banyan_done_total counter\n' +
        'banyan_done_total{who="a \\"quoted\\"\\nname\\\\"} 3\n',
    );
  });

  test('status and commands need the token, a loopback host and no origin', async () => {
    const by = '{"by":1}';
    const refused = [
      await ask('/status'),
      await ask('/status', { authorization: 'Bearer another' }),
      await ask('/work', {}, 'POST', by),
      await ask('/work', { authorization, origin: 'http://evil.example' }, 'POST', by),
      await ask('/work', { authorization, origin: `http://127.0.0.1:${port}` }, 'POST', by),
      await ask('/work', { authorization, host: 'evil.example' }, 'POST', by),
    ];
    assert.deepEqual(
      refused.map(({ status }) => status),
      [401, 401, 401, 403, 403, 403],
    );
    assert.equal(done, 0);
    assert.equal((await ask('/work', { authorization }, 'POST', by)).body, '{"done":1}');
    assert.equal((await ask('/work', { authorization })).status, 404, 'a command is no GET');
    assert.equal((await ask('/absent', { authorization }, 'POST')).status, 404);
  });

  test('a refusal keeps its code across the wire; a failure shows nothing of itself', async () => {
    const client = controlClient('test', server.url, TOKEN);
    assert.deepEqual(await client.status(), { role: 'test', done: 1 });
    await assert.rejects(client.post('refuse'), {
      ...{ code: 'LEASE_HELD', message: 'Somebody else is at it', at: 'there', why: 'it is so' },
    });
    await assert.rejects(client.post('fail'), {
      code: 'CONTROL_UNREACHABLE',
      remedy: "Look at the role's log.",
    });
    const { status, body } = await ask('/fail', { authorization }, 'POST');
    assert.deepEqual({ status, body }, { status: 500, body: '{"error":"internal"}' });
    const large = await ask('/work', { authorization }, 'POST', 'x'.repeat(70_000));
    assert.equal(large.status, 409);
    assert.match(large.body, /at most 65536 bytes/);
  });

  test('a wrong token, and nobody there, are told apart', async () => {
    await assert.rejects(controlClient('test', server.url, 'wrong').status(), { code: 'CONTROL_FORBIDDEN' });
    const nobody = `http://127.0.0.1:${await freePort()}`;
    await assert.rejects(controlClient('test', nobody, TOKEN).status(), {
      ...{ code: 'CONTROL_UNREACHABLE', at: nobody },
    });
  });

  test('a port in use is named', async () => {
    await assert.rejects(listen(createServer(), port, '127.0.0.1'), {
      ...{ code: 'PORT_IN_USE', at: `127.0.0.1:${port}`, why: 'EADDRINUSE' },
    });
  });
});
