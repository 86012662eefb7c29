// What `npm start` takes, and what it says to anything else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions } from './options.ts';

test('nothing, or everything that the README names', () => {
  const { exit, json, scale, environmentFile } = readOptions([]);
  assert.deepEqual(
    { exit, json, scale, environmentFile },
    {
      ...{ exit: false, json: false, scale: 1, environmentFile: undefined },
    },
  );
  const asked = readOptions(['--exit', '--json', '--scale', '0.1', '--data-dir', 'x']);
  assert.deepEqual([asked.exit, asked.json, asked.scale, asked.dataDir], [true, true, 0.1, 'x']);
});

test('anything else is a mistake of usage that says what it takes', () => {
  for (const words of [
    ['--foo'],
    ['--scale'],
    ['--scale', '0'],
    ['--scale', 'much'],
    ['--exit=yes'],
    ['now'],
  ])
    assert.throws(
      () => readOptions(words),
      { code: 'USAGE', exitCode: 2, remedy: /--scale/ },
      words.join(' '),
    );
});
