/**
 * How long one step takes. The clock is given, so that this file stays as free of the platform as
 * the rest; `npm run bench` passes a real one.
 */
import type { Case } from './case-file.ts';
import { configOf, run } from './runner.ts';
import { step } from './step.ts';

export interface StepTimes {
  /** Steps measured. */
  steps: number;
  p50Ns: number;
  p99Ns: number;
  maxNs: number;
}

/**
 * Replays cases and times every step.
 *
 * @param options.nowNs - A monotonic clock in nanoseconds.
 * @param options.rounds - How often all cases are replayed; the first tenth warms up and is not counted.
 */
export function measureSteps(
  cases: readonly Case[],
  options: { nowNs: () => bigint | number; rounds: number },
): StepTimes {
  const { nowNs, rounds } = options;
  const moves = cases.flatMap((one) => run(one).map(({ before, event }) => ({ before, event, config: configOf(one) })));
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const { before, event, config } of moves) {
      const start = nowNs();
      step(before, event, config);
      const took = Number(nowNs()) - Number(start);
      if (round >= rounds / 10) times.push(took);
    }
  }
  const sorted = Float64Array.from(times).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { steps: sorted.length, p50Ns: at(0.5), p99Ns: at(0.99), maxNs: at(1) };
}
