// `npm run bench` runs every benchmark, `npm run bench -- <name>` one. One JSON line per figure on stdout; what is under
// way on stderr. Each figure stands beside a peer or a physical limit that ran in the same minutes.
import { pause } from '../src/runtime/wait.ts';
import type { Report } from './support/figure.ts';
import { Held } from './support/held.ts';

interface Benchmark {
  /** Gives back nothing itself: whoever runs it does. */
  run(report: Report, held: Held): Promise<void>;
}

const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  'event-store': () => import('./event-store.ts'),
  capture: () => import('./capture.ts'),
};
const UNWIND_MS = 20_000;

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in BENCHMARKS));
if (unknown.length > 0) {
  console.error(
    `There is no benchmark ${unknown.join(', ')}. There are: ${Object.keys(BENCHMARKS).join(', ')}.`,
  );
  process.exit(2);
}
for (const name of asked.length > 0 ? asked : Object.keys(BENCHMARKS)) {
  console.error(`bench ${name} …`);
  const benchmark = await BENCHMARKS[name]!();
  await untilDone(benchmark);
}

async function untilDone(benchmark: Benchmark): Promise<void> {
  await using held = new Held();
  const running = benchmark.run((figure) => console.log(JSON.stringify(figure)), held);
  // With everything taken from under it, the benchmark fails within a moment; then nothing of it is left.
  const interrupt = async (): Promise<void> => {
    await held[Symbol.asyncDispose]();
    await Promise.race([running.catch(() => undefined), pause(UNWIND_MS)]);
    process.exit(130);
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, interrupt);
  await running;
  for (const signal of signals) process.off(signal, interrupt);
}
