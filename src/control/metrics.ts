// Prometheus' text format from a role's figures, read at the moment they are asked for.

export interface Metric {
  /** In the base unit, named after it: `banyan_projection_lag_seconds`. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** For a histogram: `_bucket` with cumulative counts by `le`, `_sum` and `_count`, as `suffix`. */
  readonly samples: readonly {
    readonly suffix?: '' | '_bucket' | '_sum' | '_count';
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

export function metricsText(metrics: readonly Metric[]): string {
  return metrics
    .map(({ name, type, help, samples }) =>
      [
        `# HELP ${name} ${help}`,
        `# TYPE ${name} ${type}`,
        ...samples.map(({ suffix = '', labels, value }) => `${name}${suffix}${labelText(labels)} ${value}`),
      ].join('\n'),
    )
    .map((text) => `${text}\n`)
    .join('');
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) =>
      `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
