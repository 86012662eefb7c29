// `npm run bench` runs every benchmark, `npm run bench -- <name>` one. One JSON line per figure on stdout; what is under
// way on stderr. Each figure stands beside a peer or a physical limit that ran in the same minutes.
import { runApart } from './support/run-apart.ts';

const BENCHMARKS = [
  'event-store',
  'event-store-postgres',
  'event-store-nats',
  'capture',
  'latency',
  'backfill',
  'projection',
  'gateway',
  'home-feed',
];

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !BENCHMARKS.includes(name));
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}. There are: ${BENCHMARKS.join(', ')}.`);
  process.exit(2);
}
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interrupted.abort());
for (const name of asked.length > 0 ? asked : BENCHMARKS) {
  console.error(`bench ${name} …`);
  const code = await runApart(name, interrupted.signal);
  if (code !== 0) process.exit(code);
}
