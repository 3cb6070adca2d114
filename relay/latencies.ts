/**
 * How quick conversations were, from what the store keeps of their turns: all tenants, all instances, also
 * those that are gone. Reads no words.
 */
import type { AnswerOf } from './http/api/routes.ts';
import type { TurnFigures } from './store/records.ts';

const RECENT_MS = 5 * 60_000;
const DAY_MS = 86_400_000;
/** Turns that are read for a day. */
export const MOST_TURNS = 20_000;

type Latencies = AnswerOf<'latencies'>;
type Turn = Awaited<ReturnType<TurnFigures['since']>>[number];

/** @param now - Wall-clock milliseconds. */
export async function latenciesOf(turns: TurnFigures, now: number): Promise<Latencies> {
  const day = await turns.since(now - DAY_MS, MOST_TURNS);
  // Where more turns ended than are read, figures begin with the oldest that was.
  const from = day.length < MOST_TURNS ? now - DAY_MS : (day.at(-1)?.endedAt ?? now);
  const recent = day.filter(({ endedAt }) => endedAt >= now - RECENT_MS);
  return { recent: windowOf(recent, Math.max(from, now - RECENT_MS), now), day: windowOf(day, from, now) };
}

function windowOf(turns: readonly Turn[], from: number, to: number): Latencies['day'] {
  const failed = turns.filter(({ outcome }) => outcome === 'failed').length;
  const figures = turns.map((turn) => JSON.parse(turn.figures) as Record<string, unknown>);
  const lane = (name: 'A' | 'B' | 'C') => {
    const values = figures
      .map((one) => one[`first_${name.toLowerCase()}_ms`])
      .filter((value) => typeof value === 'number')
      .sort((a, b) => a - b);
    return { turns: values.length, p50: percentile(values, 0.5), p95: percentile(values, 0.95) };
  };
  return {
    ...{ from, to, turns: turns.length, failed },
    errorRate: turns.length === 0 ? null : failed / turns.length,
    perMinute: to > from ? turns.length / ((to - from) / 60_000) : 0,
    lanes: { A: lane('A'), B: lane('B'), C: lane('C') },
  };
}

/** The smallest value that so large a share of them does not exceed; null of none. @param sorted - Rising. */
export const percentile = (sorted: readonly number[], share: number): number | null =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
