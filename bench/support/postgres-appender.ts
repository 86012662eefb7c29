// One of several processes that append to a log in PostgreSQL: `postgres-appender.ts <url> <schema> <appends at a time>`.
import { openPostgresEventStore } from '../../src/event-store/postgres/postgres-event-store.ts';
import { ready } from './forked.ts';
import { writesOf } from './written-posts.ts';

const [url, schema, count] = process.argv.slice(2);
const store = await openPostgresEventStore({ url: url!, schema: schema! });

process.on('message', async (message) => {
  const { runMs } = message as { readonly runMs: number };
  const start = performance.now();
  let events = 0;
  const client = async (): Promise<void> => {
    while (performance.now() - start < runMs) {
      await store.append(writesOf(1));
      events += 1;
    }
  };
  await Promise.all(Array.from({ length: Number(count) }, client));
  process.send!((events / (performance.now() - start)) * 1000);
});
ready('ready');
