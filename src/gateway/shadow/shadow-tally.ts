// What the comparisons of one domain have found: a count per verdict, and a bounded set of samples of what differs.
import type { ShadowFigures, ShadowSample } from '../../control/role-status.ts';
import type { Difference } from './compare-response.ts';
import { formatJsonPath } from './json-path.ts';
import { maskText, maskValue } from './mask-value.ts';

export type ShadowCount = Exclude<keyof ShadowFigures, 'compared'>;

const SAMPLE_LIMIT = 50;
const NOT_COMPARED: ReadonlySet<ShadowCount> = new Set(['dropped', 'failed']);

export class ShadowTally {
  readonly #counts: Record<ShadowCount, number> = {
    match: 0,
    lag: 0,
    raced: 0,
    noise: 0,
    differs: 0,
    dropped: 0,
    failed: 0,
  };
  #compared = 0;
  readonly #samples = new Map<string, ShadowSample>();

  count(verdict: ShadowCount): void {
    this.#counts[verdict] += 1;
    if (!NOT_COMPARED.has(verdict)) this.#compared += 1;
  }

  /** One sample a field of a route: the first values seen, how often it differed, and when it last did. */
  keep(route: string, target: string, differences: readonly Difference[]): void {
    const at = new Date().toISOString();
    const counted = new Set<string>();
    for (const { path, left, right } of differences) {
      const shown = formatJsonPath(path);
      if (counted.has(shown)) continue;
      counted.add(shown);
      const key = `${route}\0${shown}`;
      const known = this.#samples.get(key);
      if (known) {
        this.#samples.set(key, { ...known, count: known.count + 1, at });
      } else if (this.#samples.size < SAMPLE_LIMIT) {
        const name = String(path.findLast((step) => typeof step === 'string') ?? '');
        const monolith = maskValue(name, left);
        const service = maskValue(name, right);
        this.#samples.set(key, {
          route,
          target: maskText(target),
          path: shown,
          monolith,
          service,
          count: 1,
          at,
        });
      }
    }
  }

  figures(): ShadowFigures {
    return { compared: this.#compared, ...this.#counts };
  }

  /** Most frequent first. */
  samples(): readonly ShadowSample[] {
    return [...this.#samples.values()].sort((a, b) => b.count - a.count);
  }
}
