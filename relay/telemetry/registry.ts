/**
 * The metrics of the table in Prometheus' form. Whatever is handed in, no series appears that the
 * table does not allow: a value that is not listed becomes "other" where that is, and is dropped
 * where it is not; open labels have a bound. It measures nothing itself.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CounterName, HistogramName, LabelsOf } from './measure.ts';
import { METRICS, OTHER, type LabelValues, type MetricName, type MetricRow } from './metric-table.ts';

export type GaugeName = Exclude<MetricName, CounterName | HistogramName>;
/** Sets one series of a gauge. */
export type SetGauge = <N extends GaugeName>(name: N, value: number, labels: LabelsOf<N>) => void;

export interface Metrics {
  count: <N extends CounterName>(name: N, labels: LabelsOf<N>, by?: number) => void;
  time: <N extends HistogramName>(name: N, seconds: number, labels: LabelsOf<N>) => void;
  /** As the folds give them: names and labels are held against the table all the same. */
  put(name: MetricName, labels: Readonly<Record<string, string>>, value: number): void;
  /** No series with this value of the label is kept. */
  forget(name: MetricName, label: string, value: string): void;
  /** The exposition; gauges are asked for now. */
  render(): Promise<string>;
  readonly contentType: string;
}

export interface MetricsOptions {
  /** Rows of tenants are left out. */
  isPerTenant: boolean;
  /** Sets all gauges; those that it leaves alone have no series. */
  collect: (set: SetGauge) => void;
  /** What the process itself tells: memory, processor, handles. */
  hasProcess: boolean;
}

type Instrument = Counter | Gauge | Histogram;

const labelsOf = (row: MetricRow): [string, LabelValues][] => Object.entries(row.labels ?? {});
/** By metric, with the name under which the values in use are remembered: asked for with every figure. */
const LABELS = new Map(
  (Object.entries(METRICS) as [MetricName, MetricRow][]).map(([name, row]) => [
    name,
    labelsOf(row).map(([label, values]) => ({ label, values, key: `${name} ${label}` })),
  ]),
);
const isListed = (values: LabelValues): values is readonly string[] => Array.isArray(values);

export function createMetrics({ isPerTenant, collect, hasProcess }: MetricsOptions): Metrics {
  const registry = new Registry();
  const instruments = new Map<MetricName, Instrument>();
  /** Values of open labels that are in use, by metric and label. */
  const open = new Map<string, Set<string>>();
  const rows = Object.entries(METRICS) as [MetricName, MetricRow][];

  for (const [name, row] of rows) {
    const labels = labelsOf(row);
    if (!isPerTenant && labels.some(([label]) => label === 'tenant')) continue;
    const made = instrument(name, row, registry);
    instruments.set(name, made);
    zero(made, row);
  }
  if (hasProcess) {
    collectDefaultMetrics({ register: registry });
    // Between two looks that come quickly these two are no numbers; the lag has a histogram of ours.
    for (const name of ['mean', 'stddev']) registry.removeSingleMetric(`nodejs_eventloop_lag_${name}_seconds`);
  }

  /** @returns undefined for a series that the table does not allow. */
  function allowed(name: MetricName, given: Readonly<Record<string, string>>): Record<string, string> | undefined {
    const labels: Record<string, string> = {};
    for (const { label, values, key } of LABELS.get(name) ?? []) {
      const value = given[label] ?? OTHER;
      if (isListed(values)) {
        if (values.includes(value)) labels[label] = value;
        else if (values.includes(OTHER)) labels[label] = OTHER;
        else return undefined;
      } else labels[label] = within(key, values.most, value);
    }
    return labels;
  }

  /** The last place is kept for the rest. */
  function within(key: string, most: number, value: string): string {
    let used = open.get(key);
    if (used === undefined) open.set(key, (used = new Set()));
    if (used.has(value)) return value;
    if (most > 1 && used.size >= most - 1) return OTHER;
    if (most === 1 && used.size === 1) return [...used][0] ?? OTHER;
    used.add(value);
    return value;
  }

  function put(name: MetricName, given: Readonly<Record<string, string>>, value: number): void {
    const made = instruments.get(name);
    if (made === undefined || !Number.isFinite(value)) return;
    const labels = allowed(name, given);
    if (labels === undefined) return;
    if (made instanceof Counter) made.inc(labels, Math.max(0, value));
    else if (made instanceof Histogram) made.observe(labels, value);
    else made.set(labels, value);
  }

  return {
    count: (name, labels, by = 1) => put(name, labels, by),
    time: (name, seconds, labels) => put(name, labels, seconds),
    put,
    forget(name, label, value) {
      const made = instruments.get(name);
      if (made === undefined || !open.get(`${name} ${label}`)?.delete(value)) return;
      const rest = labelsOf(METRICS[name]).filter(([other]) => other !== label);
      for (const labels of seriesOf(rest)) made.remove({ ...labels, [label]: value });
    },
    async render() {
      for (const [name, made] of instruments) {
        if (!(made instanceof Gauge)) continue;
        made.reset();
        zero(made, METRICS[name]);
        for (const [label] of labelsOf(METRICS[name])) open.delete(`${name} ${label}`);
      }
      collect((name, value, labels) => put(name, labels, value));
      return registry.metrics();
    },
    contentType: registry.contentType,
  };
}

/** All series of labels whose values are listed. */
function seriesOf(labels: [string, LabelValues][]): Record<string, string>[] {
  return labels.reduce<Record<string, string>[]>(
    (all, [label, values]) =>
      isListed(values) ? all.flatMap((one) => values.map((value) => ({ ...one, [label]: value }))) : all,
    [{}],
  );
}

function instrument(name: string, row: MetricRow, registry: Registry): Instrument {
  const base = { name, help: row.means, labelNames: Object.keys(row.labels ?? {}), registers: [registry] };
  if (row.kind === 'counter') return new Counter(base);
  if (row.kind === 'gauge') return new Gauge(base);
  return new Histogram({ ...base, buckets: [...row.buckets] });
}

/** A series whose values are known is there from the start, so that a first count is an increase. */
function zero(made: Instrument, row: MetricRow): void {
  const labels = labelsOf(row);
  if (labels.length === 0 || made instanceof Gauge || !labels.every(([, values]) => isListed(values))) return;
  for (const series of seriesOf(labels)) {
    if (made instanceof Counter) made.inc(series, 0);
    else made.zero(series);
  }
}
