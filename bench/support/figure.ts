// What a benchmark reports: one value beside a peer or a physical limit that ran in the same minutes.

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** What ran beside it. */
  readonly peer?: string;
  readonly peerValue?: number;
  /** value / peerValue. */
  readonly ratio?: number;
}

export interface Subject {
  readonly name: string;
  readonly unit: string;
  readonly peer: string;
}

/** Runs both alternately and takes the medians. Without a peer to run, the figure stands alone. */
export async function besidePeer(
  subject: Subject & { readonly rounds?: number },
  measure: () => Promise<number>,
  measurePeer?: () => Promise<number>,
): Promise<Figure> {
  const values = await inTurn(subject.rounds ?? 5, { own: measure, peer: measurePeer });
  return figure(subject, values.own, values.peer);
}

/** Runs each once a round, so that a slow minute of the machine hits all of them alike. A first round warms up. */
export async function inTurn<K extends string, T>(
  rounds: number,
  works: Readonly<Record<K, (() => Promise<T>) | undefined>>,
): Promise<Record<K, T[]>> {
  const names = Object.keys(works) as K[];
  const results = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<K, T[]>;
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of names) {
      const work = works[name];
      if (!work) continue;
      const result = await work();
      if (round > 0) results[name].push(result);
    }
  }
  return results;
}

/** Of the medians. */
export function figure(
  { name, unit, peer }: Subject,
  values: readonly number[],
  peerValues: readonly number[] = [],
): Figure {
  const value = median(values);
  if (peerValues.length === 0) return { name, value: rounded(value), unit };
  const peerValue = median(peerValues);
  return {
    ...{ name, value: rounded(value), unit, peer },
    peerValue: rounded(peerValue),
    ratio: Number((value / peerValue).toPrecision(2)),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** The least value that `share` (0 to 1) of all do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Runs say no more than three digits; whole numbers stay whole. */
function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}
