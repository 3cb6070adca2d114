/** What a part of the bench is given and gives back, and how figures are written. Knows no part. */
import { percentile } from '../load/percentile.ts';
import type { Panel } from '../soak/plot.ts';

export interface PartOptions {
  /** Two minutes for everything: to see that it works, not to be quoted. */
  isQuick: boolean;
  /** Another build of the relay, measured beside this one. */
  before: string | undefined;
  turns: number | undefined;
  bargeIns: number | undefined;
  rounds: number | undefined;
}

export interface PartContext extends PartOptions {
  progress: (text: string) => void;
}

export interface Target {
  what: string;
  target: string;
  seen: string;
  /** Null where it could not be judged. */
  isMet: boolean | null;
}

export interface Plot {
  /** File name, without a folder. */
  file: string;
  alt: string;
  xUnit: string;
  panels: Panel[];
}

export interface PartResult {
  /** Paragraphs and tables, without a heading. */
  markdown: string[];
  targets: Target[];
  plots: Plot[];
  /** What was left out, or could not be seen. */
  notMeasured: string[];
  /** Everything that was seen. */
  json: unknown;
}

export type Part = (context: PartContext) => Promise<PartResult>;

const isRight = (index: number) => index > 0;
const cell = (value: string | number) => String(value).replaceAll('|', '\\|');

/** A table; the first column is words. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (isRight(index) ? '---:' : '---'))), ...rows.map(line)].join('\n');
}

/** A figure with as many digits as it deserves; a dash where there is none. */
export function figure(value: number, digits = 1): string {
  if (!Number.isFinite(value)) return '–';
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(digits);
}

/** `p50 / p99` and the like. @param shares - 0 … 1. */
export const spread = (values: readonly number[], shares: readonly number[], digits = 1): string =>
  shares.map((share) => figure(percentile(values, share), digits)).join(' / ');

export const mean = (values: readonly number[]): number =>
  values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length;

/** The middle one: what one disturbed round does not move. */
export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** @param limit - Seen at most (or, with `atLeast`, at least) this is met. */
export function judge(
  what: string,
  seen: number,
  limit: number,
  { unit = '', digits = 1, atLeast = false }: { unit?: string; digits?: number; atLeast?: boolean } = {},
): Target {
  return {
    what,
    target: `${atLeast ? '≥' : '≤'} ${limit}${unit}`,
    seen: `${figure(seen, digits)}${unit}`,
    isMet: Number.isFinite(seen) ? (atLeast ? seen >= limit : seen <= limit) : null,
  };
}
