// A group of appends as one call of the function in the database (`append-function.ts`), and its rows as outcomes.
import { formatLsn, parseLsn } from '../../kernel/lsn.ts';
import type { StreamName } from '../../kernel/stream.ts';
import type { AppendRequest, EventRow } from '../append-request.ts';
import type { AppendOutcome, SourceProgress } from '../event-store.ts';
import type { Statement } from './log-connection.ts';
import type { LogNames } from './log-names.ts';

/** One for each append, in order. */
export type Verdict = readonly [
  verdict: 'appended' | 'recorded' | 'fenced' | 'conflict',
  lastPosition: number,
  firstVersions: readonly number[],
  recordedVersions: string | null,
  refusedWrite: number,
  actualVersion: number,
  actualLsn: string | null,
  actualResume: number | null,
];

const PARAMETERS = Array.from({ length: 20 }, (_, index) => `$${index + 1}`).join(', ');

export function appendStatement({ schema }: LogNames, group: readonly AppendRequest[]): Statement {
  const streams = streamsOf(group);
  const writes: { stream: number; expected: string; count: number }[] = [];
  const events: { write: number; number: number; row: EventRow }[] = [];
  const lastWrites = group.map((request) => {
    for (const { stream, expected, rows } of request.writes) {
      writes.push({ stream: streams.get(stream)!.number, expected: String(expected), count: rows.length });
      rows.forEach((row, index) => {
        events.push({ write: writes.length, number: index + 1, row });
      });
    }
    return writes.length;
  });
  const sources = group.map(({ options }) => options.source);
  const expected = sources.map((source) => source?.expected);
  const rows = events.map(({ row }) => row);
  return {
    name: 'append',
    text: `SELECT * FROM ${schema}.append(${PARAMETERS})`,
    values: [
      lastWrites,
      orNull(group.map(({ options }) => options.idempotencyKey ?? null)),
      orNull(sources.map((source) => source?.name ?? null)),
      sources.map(lsnText),
      sources.map((source) => source?.position ?? null),
      expected.map(lsnText),
      expected.map((progress) => progress?.position ?? null),
      [...streams.keys()],
      [...streams.values()].map(({ added }) => added),
      writes.map(({ stream }) => stream),
      writes.map((write) => write.expected),
      writes.map(({ count }) => count),
      events.map(({ write }) => write),
      events.map(({ number }) => number),
      rows.map(({ type }) => type),
      rows.map(({ id }) => id),
      rows.map(({ time }) => time),
      rows.map(({ schemaVersion }) => schemaVersion),
      rows.map(({ data }) => data),
      rows.map(({ meta }) => meta),
    ],
  };
}

export function appendOutcomes(
  group: readonly AppendRequest[],
  verdicts: readonly Verdict[],
): AppendOutcome[] {
  let firstWrite = 1;
  return group.map((request, index) => {
    const outcome = appendOutcome(request, verdicts[index]!, firstWrite);
    firstWrite += request.writes.length;
    return outcome;
  });
}

function appendOutcome({ writes, options }: AppendRequest, row: Verdict, firstWrite: number): AppendOutcome {
  const [verdict, position, firstVersions, recorded, refusedWrite, actual, lsn, resume] = row;
  switch (verdict) {
    case 'appended': {
      const versions = Object.fromEntries(
        writes.map(({ stream, rows }, index) => [stream, firstVersions[index]! - 1 + rows.length]),
      );
      return { outcome: 'appended', position, versions, isDuplicate: false };
    }
    case 'recorded': {
      const versions = JSON.parse(recorded ?? '{}') as Record<StreamName, number>;
      return { outcome: 'appended', position, versions, isDuplicate: true };
    }
    case 'fenced':
      return { outcome: 'fenced', actual: sourceProgress(options.source!.name, lsn, resume) };
    case 'conflict': {
      const { stream, expected } = writes[refusedWrite - firstWrite]!;
      return { outcome: 'conflict', stream, expected, actual };
    }
  }
}

/** In the order of their bytes in UTF-8, numbered from 1, with the events that the group has for each. */
function streamsOf(group: readonly AppendRequest[]): Map<StreamName, { number: number; added: number }> {
  const added = new Map<StreamName, number>();
  for (const { writes } of group) {
    for (const { stream, rows } of writes) added.set(stream, (added.get(stream) ?? 0) + rows.length);
  }
  const sorted = [...added].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return new Map(sorted.map(([stream, count], index) => [stream, { number: index + 1, added: count }]));
}

/** Undefined for a source whose row is there but that has stored nothing yet. */
export function sourceProgress(
  name: string,
  lsn: string | null,
  position: number | null,
): SourceProgress | undefined {
  return lsn === null || position === null ? undefined : { name, lsn: parseLsn(lsn), position };
}

function lsnText(progress: SourceProgress | undefined): string | null {
  return progress ? formatLsn(progress.lsn) : null;
}

/** Null for the whole array when there is nothing in it, so that the function skips what it is for. */
function orNull(texts: readonly (string | null)[]): readonly (string | null)[] | null {
  return texts.some((text) => text !== null) ? texts : null;
}
