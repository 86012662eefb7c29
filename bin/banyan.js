#!/usr/bin/env node
// Entry of the `banyan` command: checks Node first, because everything behind it is TypeScript that Node runs itself.
import { existsSync } from 'node:fs';
import module from 'node:module';

const [major] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `error USAGE: banyan needs Node 24 or later, this is ${process.versions.node}\n` +
      '  do     in this project: npx banyan …, or npm run banyan -- … (they use the Node of node_modules)\n',
  );
  process.exit(2);
}
module.enableCompileCache?.();
const source = new URL('../src/cli/main.ts', import.meta.url);
const { main } = await import(
  existsSync(source) ? source.href : new URL('../src/cli/main.js', import.meta.url).href
);
process.exitCode = await main(process.argv.slice(2));
