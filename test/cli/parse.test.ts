// From words to a command: what is taken, and what is refused with which words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS } from '../../src/cli/command-table.ts';
import { parseCommand, parseDuration, parseWhole } from '../../src/cli/parse.ts';
import { BanyanError } from '../../src/kernel/error.ts';

const refusal = (words: readonly string[]): string => {
  try {
    parseCommand(words, COMMANDS);
  } catch (error) {
    assert.ok(error instanceof BanyanError);
    assert.equal(error.code, 'USAGE');
    assert.equal(error.exitCode, 2);
    return error.message;
  }
  return assert.fail(`\`${words.join(' ')}\` was taken`);
};

test('arguments and options are taken in any order', () => {
  const parsed = parseCommand(['promote', '--plan', 'posts', '--reads', '25', '-c', 'x.ts'], COMMANDS);
  assert.equal(parsed.spec.name, 'promote');
  assert.deepEqual(parsed.arguments, { domain: 'posts' });
  assert.deepEqual({ ...parsed.options }, { plan: true, reads: '25', config: 'x.ts' });
});

test('two-word commands are found', () => {
  const parsed = parseCommand(['events', 'stream', 'post-42', '--json'], COMMANDS);
  assert.equal(parsed.spec.name, 'events stream');
  assert.deepEqual(parsed.arguments, { stream: 'post-42' });
});

test('what cannot be meant is refused, and says why', () => {
  assert.match(refusal(['promot', 'posts']), /no command `promot`/);
  assert.match(refusal(['events']), /needs a second word/);
  assert.match(refusal(['promote']), /needs <domain>/);
  assert.match(refusal(['promote', 'posts', 'claps']), /does not take `claps`/);
  assert.match(refusal(['promote', 'posts', '--force']), /--force/);
  assert.match(refusal(['promote', 'posts', '--reads']), /^--reads needs <percent>: /);
  assert.match(refusal(['promote', 'posts', '--plan=yes']), /--plan/);
});

test('durations and numbers are read with their units and bounds', () => {
  assert.equal(parseDuration('timeout', '500ms'), 500);
  assert.equal(parseDuration('timeout', '1.5m'), 90_000);
  assert.throws(() => parseDuration('timeout', '10'), /expected a duration/);
  assert.equal(parseWhole('reads', '25', 0, 100), 25);
  assert.throws(() => parseWhole('reads', '101', 0, 100), /from 0 to 100/);
  assert.throws(() => parseWhole('reads', '-1', 0, 100), /from 0 to 100/);
});

test('every command can be loaded, and its options do not hide the global ones', async () => {
  for (const command of COMMANDS) {
    assert.equal(typeof (await command.load()).run, 'function', command.name);
    assert.deepEqual(
      Object.keys(command.options).filter((name) => ['config', 'json', 'help'].includes(name)),
      [],
    );
  }
});
