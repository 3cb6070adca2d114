import { expect, it } from 'vitest';
import { dialDelayMs, retryDelayMs } from './reconnect.ts';

it('waits twice as long each time, up to eight seconds', () => {
  expect([1, 2, 3, 4, 9].map((attempt) => retryDelayMs(attempt, 1, false))).toEqual([250, 500, 1000, 2000, 8000]);
});

it('spreads the pages of a lost relay over half of the wait', () => {
  expect([retryDelayMs(3, 0, false), retryDelayMs(3, 1, false)]).toEqual([500, 1000]);
});

it('gives a full relay more air', () => {
  expect(retryDelayMs(1, 1, true)).toBe(2000);
});

it('tries at once, and from then on after the waits', () => {
  expect([1, 2, 3].map((attempt) => dialDelayMs(attempt, 1, false))).toEqual([0, 250, 500]);
});

it('waits before the first attempt only where the relay is full or asked for it', () => {
  expect([dialDelayMs(1, 1, true), dialDelayMs(1, 1, false, 1800), dialDelayMs(2, 1, false, 1800)]).toEqual([
    ...[2000, 1800, 250],
  ]);
});
