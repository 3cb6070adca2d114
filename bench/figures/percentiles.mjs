/** Percentiles, and tables that a person reads. */
import { cpus } from 'node:os';

/** The `p`-th percentile (0 … 100) of `values`, by the nearest rank. */
export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((p / 100) * sorted.length) - 1))] ?? Number.NaN;
}

export const machine = () =>
  `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`;

/** One line of a report: what, figures in milliseconds, how many. */
export function row(what, values, unit = 'ms') {
  const figure = (p) => percentile(values, p).toFixed(2).padStart(9);
  return `${what.padEnd(58)} p50 ${figure(50)}  p95 ${figure(95)}  p99 ${figure(99)} ${unit}  n=${values.length}`;
}
