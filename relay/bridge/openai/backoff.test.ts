import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FIRST_WAIT_MS, LONGEST_WAIT_MS, backoffMs } from './backoff.ts';

it('doubles the wait with every failure up to the longest', () => {
  const longest = [0, 1, 2, 3, 4, 5, 6].map((attempt) => backoffMs(attempt, 1));
  expect(longest).toEqual([250, 500, 1000, 2000, 4000, 5000, 5000]);
});

it('never waits less than half of the first wait nor longer than the longest, whatever chance says', () => {
  const any = fc.tuple(fc.nat(), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
  fc.assert(
    fc.property(any, ([attempt, random]) => {
      const waitMs = backoffMs(attempt, random);
      return waitMs >= FIRST_WAIT_MS / 2 && waitMs <= LONGEST_WAIT_MS;
    }),
  );
});
