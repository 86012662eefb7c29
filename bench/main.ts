// `npm run bench` runs every benchmark, `npm run bench -- <name>` one. One JSON line per figure on stdout; what is under
// way on stderr. Each figure stands beside a peer or a physical limit that ran in the same minutes.
import type { Figure } from './figure.ts';

const BENCHMARKS: Readonly<
  Record<string, () => Promise<{ run(report: (figure: Figure) => void): Promise<void> }>>
> = {
  'event-store': () => import('./event-store.ts'),
};

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
  await benchmark.run((figure) => console.log(JSON.stringify(figure)));
}
