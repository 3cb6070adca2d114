import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { untilDial, wait } from './wait.ts';

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

class Net extends EventTarget {
  navigator = { onLine: true };
}

it('dials when it is time, at once when the network comes back, and not while there is none', async () => {
  const { signal } = new AbortController();
  const net = new Net();
  const done: string[] = [];
  const dial = (name: string, ms: number) => untilDial(ms, 60_000, signal, wait, net).then(() => done.push(name));
  const timely = dial('timely', 100);
  await vi.advanceTimersByTimeAsync(100);
  await timely;
  net.navigator.onLine = false;
  const away = [dial('away', 100), dial('too', 0)];
  await vi.advanceTimersByTimeAsync(10_000);
  expect(done).toEqual(['timely']);
  net.dispatchEvent(new Event('online'));
  await Promise.all(away);
  expect(vi.getTimerCount()).toBe(0);
});

it('waits for a network no longer than there is anything to come back to, or anybody who waits', async () => {
  const given = new AbortController();
  const net = new Net();
  net.navigator.onLine = false;
  const waiting = untilDial(100, 5_000, given.signal, wait, net);
  await vi.advanceTimersByTimeAsync(5_000);
  await waiting;
  given.abort();
  await untilDial(100, 5_000, given.signal, wait, net);
  await untilDial(100, 5_000, given.signal);
});
