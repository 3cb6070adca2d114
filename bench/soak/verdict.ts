/** Whether a soak went well: a list of promises, each kept or not. Reads a record and measures nothing. */
import type { EndLine, SampleLine, SoakRecord } from './record.ts';

export interface Check {
  promise: string;
  /** What was seen. */
  seen: string;
  /** Null: too short a run to say. */
  isKept: boolean | null;
}

const MB = 1024 * 1024;
/** Growth of resident memory after the warm-up; what the collector leaves lying about is in it. */
export const MOST_RSS_SLOPE_MB_H = 24;
/** Of what is left when everybody has gone, beside the baseline. */
export const MOST_RETAINED_MB = 8;
/** Of all turns. */
export const MOST_FAILED = 0.005;
/** Less than this after the warm-up says nothing about a slope. */
const LEAST_SLOPE_S = 20 * 60;
const WARM_UP_S = 10 * 60;

/** Closes that a crowd brings about itself. */
const WISHED = new Set(['close 1000, wished']);
const ENDED_BADLY = /^(close |refused |connection failed|stayer lost|goodbye unanswered|token refused|resume lost)/;
const FAILED_TURN = /^(turn (failed|refused)|question unanswered)/;

/** What comes after the memory has found its size. */
export function afterWarmUp(samples: readonly SampleLine[]): SampleLine[] {
  const last = samples.at(-1)?.t ?? 0;
  const from = Math.min(WARM_UP_S, last / 4);
  return samples.filter(({ t }) => t >= from);
}

/** Least squares. @returns by how much `y` grows while `x` grows by one. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const count = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return under === 0 ? 0 : over / under;
}

/** Megabytes an hour, of one figure of the relay. */
export function growth(
  samples: readonly SampleLine[],
  figure: (sample: SampleLine) => number,
): { mbPerHour: number; overS: number } {
  const used = afterWarmUp(samples);
  const overS = (used.at(-1)?.t ?? 0) - (used[0]?.t ?? 0);
  return { mbPerHour: (slopeOf(used.map((sample) => [sample.t, figure(sample)] as const)) * 3600) / MB, overS };
}

const sumOf = (counts: Readonly<Record<string, number>>, which: (name: string) => boolean) =>
  Object.entries(counts).reduce((sum, [name, count]) => sum + (which(name) ? count : 0), 0);

export function endedBadly(counts: Readonly<Record<string, number>>): [name: string, count: number][] {
  return Object.entries(counts).filter(([name]) => ENDED_BADLY.test(name) && !WISHED.has(name));
}

/** Turns without their answer. Nobody says what a policy forbids: a refusal is a policy that had no verdict in time. */
export function failedShare(counts: Readonly<Record<string, number>>): { failed: number; of: number } {
  const failed = sumOf(counts, (name) => FAILED_TURN.test(name));
  return { failed, of: sumOf(counts, (name) => name.startsWith('turn ')) };
}

function back(promise: string, before: number, after: number): Check {
  return { promise, seen: `${before} before, ${after} after`, isKept: after <= before };
}

function afterwards({ start }: SoakRecord, end: EndLine): Check[] {
  const retained = (one: EndLine['after']) => one.heapUsedBytes + one.externalBytes;
  const leftMb = (retained(end.after) - retained(start.baseline)) / MB;
  return [
    back('descriptors are back when everybody has gone', start.baseline.descriptors, end.after.descriptors),
    back('timers are back', start.baseline.timers, end.after.timers),
    {
      promise: `of heap and buffers no more than ${MOST_RETAINED_MB} MB more are left`,
      seen: `${leftMb.toFixed(1)} MB`,
      isKept: leftMb <= MOST_RETAINED_MB,
    },
    { promise: 'the relay stops cleanly', seen: `exit code ${String(end.relayExit)}`, isKept: end.relayExit === 0 },
  ];
}

export function verdict(record: SoakRecord): Check[] {
  const { samples, end } = record;
  const counts = end?.counts ?? samples.at(-1)?.counts ?? {};
  const rss = growth(samples, ({ relay }) => relay.rssBytes);
  const isLong = rss.overS >= LEAST_SLOPE_S;
  const bad = endedBadly(counts);
  const { failed, of } = failedShare(counts);
  return [
    {
      promise: `resident memory grows by less than ${MOST_RSS_SLOPE_MB_H} MB an hour after the warm-up`,
      seen: `${rss.mbPerHour.toFixed(1)} MB/h over ${Math.round(rss.overS / 60)} min`,
      isKept: isLong ? rss.mbPerHour < MOST_RSS_SLOPE_MB_H : null,
    },
    {
      promise: 'no connection ends in a way that nobody wished',
      seen: bad.length === 0 ? 'none' : bad.map(([name, count]) => `${name}: ${count}`).join(', '),
      isKept: bad.length === 0,
    },
    {
      promise: `fewer than ${MOST_FAILED * 100} % of turns are not answered`,
      seen: `${failed} of ${of}`,
      isKept: of === 0 ? null : failed / of < MOST_FAILED,
    },
    ...(end === undefined
      ? [{ promise: 'the run comes to its end', seen: 'it broke off', isKept: false }]
      : afterwards(record, end)),
  ];
}
