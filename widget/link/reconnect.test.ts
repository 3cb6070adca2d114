import { expect, it } from 'vitest';
import { retryDelayMs } from './reconnect.ts';

it('waits twice as long each time, up to eight seconds', () => {
  expect([1, 2, 3, 4, 9].map((attempt) => retryDelayMs(attempt, 1, false))).toEqual([250, 500, 1000, 2000, 8000]);
});

it('spreads the pages of a lost relay over half of the wait', () => {
  expect([retryDelayMs(3, 0, false), retryDelayMs(3, 1, false)]).toEqual([500, 1000]);
});

it('gives a full relay more air', () => {
  expect(retryDelayMs(1, 1, true)).toBe(2000);
});
