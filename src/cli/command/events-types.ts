// `banyan events types`: what the log holds, by event type and version, beside what the config's domains know of each.
import { openEventLog } from '../../app/workspace.ts';
import type { Domain } from '../../domain/domain.ts';
import { BanyanError, EXIT } from '../../kernel/error.ts';
import { MIGRATION_CATEGORY } from '../../migration/migration.ts';
import type { CommandRun } from '../command.ts';
import { count } from '../progress-bar.ts';

interface TypeCount {
  readonly category: string;
  readonly type: string;
  readonly version: number;
  /** The version that the config's domains write; null = none of them declares the type. */
  readonly known: number | null;
  events: number;
  readonly firstPosition: number;
  lastPosition: number;
}

export const run: CommandRun = async ({ output, signal, config: load }) => {
  const config = await load();
  const known = versionsOf(config.domains);
  const types = new Map<string, TypeCount>();
  await using log = await openEventLog(config);
  for await (const { events, upTo, head } of log.readLog({ after: 0, signal })) {
    for (const { category, type, schemaVersion: version, position } of events) {
      if (category === MIGRATION_CATEGORY) continue;
      const key = `${category} ${type} ${version}`;
      const found = types.get(key);
      if (found) {
        found.events += 1;
        found.lastPosition = position;
      } else {
        const [at, places] = [known.get(type) ?? null, { firstPosition: position, lastPosition: position }];
        types.set(key, { category, type, version, known: at, events: 1, ...places });
      }
    }
    output.progress(`${count(upTo)} of ${count(head)} positions read`);
  }
  if (signal.aborted) throw new BanyanError('INTERRUPTED', 'Stopped counting');
  const rows = [...types.values()].sort(
    (a, b) => a.category.localeCompare(b.category) || a.type.localeCompare(b.type) || a.version - b.version,
  );
  const unreadable = rows.filter(({ known: at, version }) => at === null || version > at);
  output.result('event-types', rows, () => table(rows), { ok: unreadable.length === 0 });
  return unreadable.length === 0 ? EXIT.done : EXIT.different;
};

function versionsOf(domains: readonly Domain[]): ReadonlyMap<string, number> {
  return new Map(
    domains.flatMap(({ events }) => Object.entries(events).map(([type, { version }]) => [type, version])),
  );
}

function table(rows: readonly TypeCount[]): string {
  if (rows.length === 0) return 'the log holds no events of a domain';
  const width = Math.max(...rows.map(({ category, type }) => category.length + type.length)) + 2;
  return rows
    .map(({ category, type, version, known, events, firstPosition, lastPosition }) => {
      const what = `${category} ${type}`.padEnd(width);
      const places = `#${firstPosition} … #${lastPosition}`;
      return `${what} v${version}  ${count(events).padStart(12)}  ${places}${remark(version, known)}`;
    })
    .join('\n');
}

function remark(version: number, known: number | null): string {
  if (known === null) return '   no domain of the config declares it';
  if (version > known) return `   newer than this config, which knows v${known}`;
  return version < known ? `   read as v${known}` : '';
}
