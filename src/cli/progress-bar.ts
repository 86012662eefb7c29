// How a long copy looks: pure text from a state, so that the terminal, plain lines and tests show the same figures.

export interface CopyProgress {
  readonly label: string;
  readonly rows: number;
  /** Null while nothing is known. */
  readonly totalRows: number | null;
  /** The total comes from the server's statistics, which can be off by half: it is shown with a tilde. */
  readonly isEstimate: boolean;
  readonly rowsPerSecond: number;
  readonly etaSeconds: number | null;
  /** Takes the place of the ETA: a stall is never silent. */
  readonly throttledBy: string | null;
  readonly isDone: boolean;
}

const WIDTH = 24;

/** `posts  ━━━━━━━━━━━━╸───────────  52%  2,600 of ~5,000 rows  8.9k/s  ~4s left` */
export function progressLine(progress: CopyProgress, labelWidth: number): string {
  const share = progress.isDone
    ? 1
    : progress.totalRows
      ? Math.min(progress.rows / progress.totalRows, 0.999)
      : 0;
  const filled = Math.floor(share * WIDTH);
  const bar = '━'.repeat(filled) + (filled < WIDTH ? `╸${'─'.repeat(WIDTH - filled - 1)}` : '');
  const total =
    progress.totalRows === null ? '' : ` of ${progress.isEstimate ? '~' : ''}${count(progress.totalRows)}`;
  const rows = progress.isDone ? `${count(progress.rows)} rows` : `${count(progress.rows)}${total} rows`;
  return [
    progress.label.padEnd(labelWidth),
    bar,
    `${Math.floor(share * 100)}%`.padStart(4),
    rows,
    `${rate(progress.rowsPerSecond)}/s`,
    remaining(progress),
  ]
    .filter(Boolean)
    .join('  ');
}

export function progressLines(all: readonly CopyProgress[]): string {
  const width = Math.max(0, ...all.map((progress) => progress.label.length));
  return all.map((progress) => progressLine(progress, width)).join('\n');
}

function remaining(progress: CopyProgress): string {
  if (progress.isDone) return '✓';
  if (progress.throttledBy) return `throttled: ${progress.throttledBy}`;
  return progress.etaSeconds === null ? '' : `~${duration(progress.etaSeconds)} left`;
}

/** 1,180 */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** 950, 8.9k, 1.3M */
export function rate(perSecond: number): string {
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(1)}M`;
  if (perSecond >= 1e3) return `${(perSecond / 1e3).toFixed(1)}k`;
  return String(Math.round(perSecond));
}

/** 0.4s, 34s, 1m12s, 2h05m */
export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  if (seconds < 60) return `${Math.round(seconds)}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${String(Math.round(seconds % 60)).padStart(2, '0')}s`;
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`;
}
