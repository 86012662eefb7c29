// Where every domain stands, as a table for a person.
import type { SystemStatus } from '../app/system-status.ts';
import type { GateResult } from '../kernel/stage.ts';
import { paint } from './output.ts';
import { count, duration } from './progress-bar.ts';

const COLUMNS = ['DOMAIN', 'STAGE', 'LAG', 'VERIFIED', 'SHADOW', 'READS BY SERVICE', 'HEALTH'] as const;

export function statusTable(status: SystemStatus): string {
  const rows = status.domains.map((domain) => [
    domain.domain,
    domain.route.stage === 'reading' ? `reading ${domain.route.percent}%` : domain.route.stage,
    domain.service ? `${count(domain.service.lagEvents)} events` : '–',
    domain.verification ? verified(domain.verification) : '–',
    domain.traffic && domain.traffic.shadow.compared > 0
      ? `${count(domain.traffic.shadow.compared)} compared, ${count(domain.traffic.shadow.differs)} differ`
      : '–',
    domain.traffic ? readShare(domain.traffic.readsByService, domain.traffic.readsByMonolith) : '–',
    domain.trouble.length === 0 ? paint('green', '✓') : paint('yellow', `! ${domain.trouble[0]}`),
  ]);
  const widths = COLUMNS.map((title, index) =>
    Math.max(title.length, ...rows.map((row) => row[index]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => cell.padEnd(widths[index]!))
      .join('   ')
      .trimEnd();
  return [
    `${status.name} · ${status.at.slice(11, 19)}Z`,
    line(COLUMNS),
    ...rows.map(line),
    '',
    `capture  ${captureLine(status)}`,
    `gateway  ${status.gateway ? `${count(status.gateway.requests)} requests, ${status.gateway.inFlight} in flight` : paint('yellow', 'not running')}`,
  ].join('\n');
}

function captureLine({ capture }: SystemStatus): string {
  if (!capture) return paint('yellow', 'not running');
  const slot =
    capture.slotRetainedBytes === null
      ? ''
      : ` · slot keeps ${megabytes(capture.slotRetainedBytes)}${capture.slotLimitBytes === null ? '' : ` of ${megabytes(capture.slotLimitBytes)} allowed`}`;
  const lag = capture.lagMs === null ? '' : ` · lag ${duration(capture.lagMs / 1_000)}`;
  const parked =
    capture.parked.length > 0 ? ` · ${paint('yellow', `${capture.parked.length} keys parked`)}` : '';
  return `${capture.state} · ${count(capture.changesCaptured)} changes, ${count(capture.eventsCaptured)} events; ${count(capture.eventsBackfilled)} of copied rows${lag}${slot}${parked}`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(bytes < 10_485_760 ? 1 : 0)} MB`;
}

function verified({ at, rowsDiffering }: { readonly at: string; readonly rowsDiffering: number }): string {
  const age = duration(Math.max(0, Date.now() - Date.parse(at)) / 1_000);
  return rowsDiffering === 0 ? `${age} ago` : `✗ ${count(rowsDiffering)} rows differ`;
}

function readShare(service: number, monolith: number): string {
  const total = service + monolith;
  return total === 0 ? '–' : `${((100 * service) / total).toFixed(1)}% of ${count(total)}`;
}

/** Gates as ticks and crosses, each with its value and limit. */
export function gateLines(gates: readonly GateResult[]): string {
  const marks = {
    pass: paint('green', '✓'),
    fail: paint('red', '✗'),
    'not-enough-data': paint('yellow', '…'),
  };
  return gates
    .map(({ gate, verdict, measured, remedy }) => {
      const todo = verdict === 'pass' || !remedy ? '' : `   ${paint('dim', remedy)}`;
      return `  ${marks[verdict]} ${gate.padEnd(22)} ${measured}${todo}`;
    })
    .join('\n');
}
