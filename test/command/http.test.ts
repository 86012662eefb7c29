// Commands over HTTP: preconditions are honoured or refused, never ignored, and every outcome has its answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuse } from '../../src/command/decider.ts';
import { answerCommand, answerCommandFault, readPreconditions } from '../../src/command/http.ts';
import { BanyanError } from '../../src/kernel/error.ts';

test('If-Match is a version, any version, or none yet; a key may stand in quotes', () => {
  assert.deepEqual(readPreconditions({}), {});
  assert.deepEqual(readPreconditions({ 'if-match': '"7"' }), { expectedVersion: 7 });
  assert.deepEqual(readPreconditions({ 'if-match': '*' }), { expectedVersion: 'exists' });
  assert.deepEqual(readPreconditions({ 'if-none-match': ' * ' }), { expectedVersion: 'none' });
  assert.deepEqual(readPreconditions({ 'idempotency-key': '"8e03978e-40d5"' }), {
    idempotencyKey: '8e03978e-40d5',
  });
  assert.deepEqual(readPreconditions({ 'idempotency-key': 'abc', 'if-match': '"0"' }), {
    ...{ expectedVersion: 0, idempotencyKey: 'abc' },
  });
});

test('what cannot be honoured is refused as the client’s mistake', () => {
  for (const headers of [
    { 'if-match': 'W/"7"' },
    { 'if-match': '"7", "8"' },
    { 'if-match': '"seven"' },
    { 'if-match': '' },
    { 'if-match': '"1"', 'if-none-match': '*' },
    { 'if-none-match': '"7"' },
    { 'idempotency-key': '' },
    { 'idempotency-key': 'two words' },
    { 'idempotency-key': 'x'.repeat(256) },
  ]) {
    const fault = (() => {
      try {
        return readPreconditions(headers);
      } catch (error) {
        return error;
      }
    })();
    const answer = answerCommandFault(fault);
    assert.equal(answer?.status, 400, JSON.stringify(headers));
    assert.equal(answer.headers['content-type'], 'application/problem+json');
  }
});

test('done is 204 with the new ETag, or 201 with the place of what was made', () => {
  const done = { outcome: 'done', version: 8, position: 99, isDuplicate: false } as const;
  assert.deepEqual(answerCommand(done), { status: 204, headers: { etag: '"8"' }, body: '' });
  assert.deepEqual(answerCommand(done, '/accounts/1'), {
    ...{ status: 201, headers: { etag: '"8"', location: '/accounts/1' }, body: '' },
  });
});

test('refused is 422 with the reason, a passed version 412 with the present one', () => {
  const refused = answerCommand({
    outcome: 'refused',
    refusal: refuse('not-open', 'No such account'),
    version: 3,
  });
  assert.deepEqual(
    [refused.status, JSON.parse(refused.body)],
    [422, { type: 'about:blank', title: 'No such account', status: 422, code: 'not-open' }],
  );
  const conflict = answerCommand({ outcome: 'conflict', expected: 3, actual: 5 });
  assert.equal(conflict.status, 412);
  assert.equal(conflict.headers.etag, '"5"');
  assert.equal((JSON.parse(conflict.body) as { version: number }).version, 5);
});

test('what may be tried again says so; what is no business of the client stays a fault', () => {
  const contended = answerCommandFault(new BanyanError('COMMAND_CONTENDED', 'account-1 was overtaken'));
  assert.deepEqual([contended?.status, contended?.headers['retry-after']], [409, '1']);
  assert.doesNotMatch(contended!.body, /account-1/);
  assert.equal(answerCommandFault(new BanyanError('LOG_UNREACHABLE', 'at 10.0.0.1'))?.status, 503);
  assert.equal(answerCommandFault(new BanyanError('EVENT_INVALID', 'a bug of ours')), undefined);
  assert.equal(answerCommandFault(new Error('x')), undefined);
});
