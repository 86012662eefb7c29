// Runs the monolith: `PORT`, `HOST`, `DATABASE_URL`, `MEDIUM_POOL_SIZE`, `MEDIUM_SIGNING_KEY`, `MEDIUM_KEY_FILE`.
import { migrate } from './database.ts';
import { startMonolith } from './server.ts';

const { DATABASE_URL, HOST, PORT, MEDIUM_POOL_SIZE, MEDIUM_SIGNING_KEY, MEDIUM_KEY_FILE } = process.env;
if (!DATABASE_URL) {
  console.error('Set DATABASE_URL to a PostgreSQL database, for example postgresql://localhost/medium');
  process.exit(2);
}

await migrate(DATABASE_URL);
const monolith = await startMonolith({
  databaseUrl: DATABASE_URL,
  ...(HOST && { host: HOST }),
  port: readCount('PORT', PORT, 0),
  poolSize: readCount('MEDIUM_POOL_SIZE', MEDIUM_POOL_SIZE, 10),
  ...(MEDIUM_SIGNING_KEY && { signingKey: MEDIUM_SIGNING_KEY }),
  ...(MEDIUM_KEY_FILE && { keyFile: MEDIUM_KEY_FILE }),
});
console.log(`listening ${monolith.url}`);

for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void monolith.close());

function readCount(name: string, text: string | undefined, fallback: number): number {
  if (!text) return fallback;
  if (!/^\d{1,5}$/.test(text)) {
    console.error(`${name} must be a whole number, not "${text}"`);
    process.exit(2);
  }
  return Number(text);
}
