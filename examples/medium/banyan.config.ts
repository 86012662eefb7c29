// The example's Banyan: one source, one gateway, four domains. A config is a plain TypeScript file that Node runs itself.
import { defineConfig } from 'banyan';
import { claps } from './domains/claps.ts';
import { posts } from './domains/posts.ts';
import { profiles } from './domains/profiles.ts';
import { publications } from './domains/publications.ts';
import { readEnvironment } from './environment.ts';

const { databaseUrl, dataDir, monolithUrl, ports } = readEnvironment();

export default defineConfig({
  name: 'medium',
  source: { url: databaseUrl },
  dataDir,
  gateway: { port: ports.gateway, monolith: monolithUrl, shadowSampleRate: 1 },
  capture: { controlPort: ports.captureControl },
  domains: [profiles, posts, claps, publications],
  services: {
    profiles: { port: ports.profiles },
    posts: { port: ports.posts },
    claps: { port: ports.claps },
    publications: { port: ports.publications },
  },
  // A demo has little traffic: fewer comparisons than one would ask for in production.
  gates: { shadowComparisons: 60, trafficQueries: 20 },
});
