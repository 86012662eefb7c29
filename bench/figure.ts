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

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** Runs both alternately, so that a slow minute of the machine hits both, and takes the medians; the first run warms up. */
export async function besidePeer(
  figure: { readonly name: string; readonly unit: string; readonly peer: string; readonly runs?: number },
  measure: () => Promise<number>,
  measurePeer: () => Promise<number>,
): Promise<Figure> {
  const values: number[] = [];
  const peerValues: number[] = [];
  for (let run = 0; run <= (figure.runs ?? 5); run += 1) {
    const value = await measure();
    const peerValue = await measurePeer();
    if (run === 0) continue;
    values.push(value);
    peerValues.push(peerValue);
  }
  const [value, peerValue] = [median(values), median(peerValues)];
  return {
    name: figure.name,
    value: Math.round(value),
    unit: figure.unit,
    peer: figure.peer,
    peerValue: Math.round(peerValue),
    ratio: Math.round((value / peerValue) * 100) / 100,
  };
}
