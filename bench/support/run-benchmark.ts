// The process that one benchmark runs in: `run-benchmark.ts <name> <folder>`.
import { join } from 'node:path';
import type { Benchmark } from './bench.ts';

const [name, folder] = process.argv.slice(2);
// Whoever started it was killed: nobody else ends the group.
process.once('disconnect', () => process.kill(-process.pid, 'SIGINT'));
process.channel?.unref();

const benchmark = (await import(`../${name}.ts`)) as Benchmark;
let paths = 0;
await using held = new AsyncDisposableStack();
try {
  await benchmark.run({
    held,
    report: (figure) => console.log(JSON.stringify(figure)),
    newPath: (file) => join(folder!, `${++paths}-${file}`),
  });
} catch (error) {
  // What giving back meets after this is its consequence.
  console.error(error);
  process.exit(1);
}
