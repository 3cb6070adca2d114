import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { wait } from './wait.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('takes its time', async () => {
  let isOver = false;
  const waiting = wait(100, new AbortController().signal).then(() => (isOver = true));
  await vi.advanceTimersByTimeAsync(99);
  expect(isOver).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  await waiting;
});

it('is over at once when it is given up, and leaves no timer', async () => {
  const given = new AbortController();
  const waiting = wait(100_000, given.signal);
  given.abort();
  await waiting;
  await wait(100_000, given.signal);
  expect(vi.getTimerCount()).toBe(0);
});
