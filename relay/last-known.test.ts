import { beforeEach, describe, expect, it } from 'vitest';
import { createLastKnown, LAST_KNOWN_MS, type LastKnown } from './last-known.ts';
import { virtualClock, type VirtualClock } from './testing/virtual-clock.ts';

interface Thing {
  version: number;
}
let clock: VirtualClock;
let known: LastKnown<Thing>;
let problems: unknown[];
let asked: number;
let answer: () => Promise<Thing | undefined>;
const get = (name = 'a') =>
  known.get(name, () => {
    asked += 1;
    return answer();
  });
const version = (number: number) => () => Promise.resolve({ version: number });
const down = () => Promise.reject(new Error('down'));
/** An answer that is on its way until the test says so. */
function pending() {
  let resolve: (thing: Thing) => void = () => undefined;
  const promise = new Promise<Thing>((done) => (resolve = done));
  return { promise, resolve: (thing: Thing) => resolve(thing) };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  clock = virtualClock();
  problems = [];
  asked = 0;
  answer = version(1);
  known = createLastKnown({ clock, freshMs: 1_000, onProblem: (error) => problems.push(error) });
});

describe('what was known last', () => {
  it('is believed for a while without asking, then asked for anew, by many at once', async () => {
    await Promise.all(Array.from({ length: 10 }, () => get()));
    clock.advance(1_000);
    expect(await get()).toEqual({ version: 1 });
    expect(known.peek('a')).toEqual({ version: 1 });
    expect(asked).toBe(1);
    answer = version(2);
    clock.advance(1);
    expect(known.peek('a')).toBeUndefined();
    expect(await get()).toEqual({ version: 2 });
    expect(asked).toBe(2);
    expect(clock.pending).toBe(0);
  });

  it('holds on while nobody answers, for a day and not longer', async () => {
    await get();
    answer = down;
    clock.advance(LAST_KNOWN_MS - 1);
    expect(await get()).toEqual({ version: 1 });
    expect(problems).toHaveLength(1);
    clock.advance(1);
    await expect(get()).rejects.toThrow('down');
    await expect(get('never asked')).rejects.toThrow('down');
    answer = version(2);
    expect(await get()).toEqual({ version: 2 });
  });

  it('is given to who would have to wait, and the newer answer to who comes after it', async () => {
    await get();
    clock.advance(2_000);
    const late = pending();
    answer = () => late.promise;
    const first = get();
    await settle();
    clock.advance(250);
    expect(await first).toEqual({ version: 1 });
    late.resolve({ version: 2 });
    await settle();
    expect(await get()).toEqual({ version: 2 });
    expect(asked).toBe(2);
  });

  it('that was changed is asked for anew however long it takes, also when an answer was under way', async () => {
    await get();
    clock.advance(2_000);
    const before = pending();
    answer = () => before.promise;
    const early = get();
    known.forget();
    answer = version(3);
    const after = get();
    clock.advance(250);
    expect(await after).toEqual({ version: 3 });
    before.resolve({ version: 1 });
    await early;
    expect(await get()).toEqual({ version: 3 });
    expect(known.peek('a')).toEqual({ version: 3 });
    known.forget('a');
    known.forget('b');
    answer = down;
    expect(await get()).toEqual({ version: 3 });
    answer = version(4);
    expect(await get()).toEqual({ version: 4 });
    answer = version(5);
    expect(await Promise.all([1, 2].map(() => known.getAnew('a', answer)))).toEqual([{ version: 5 }, { version: 5 }]);
    expect(await known.getAnew('a', down)).toEqual({ version: 5 });
  });

  it('that there is no such thing is forgotten soon, and never holds on', async () => {
    answer = () => Promise.resolve(undefined);
    expect(await get()).toBeUndefined();
    answer = down;
    expect(await get()).toBeUndefined();
    clock.advance(1_001);
    await expect(get()).rejects.toThrow('down');
  });
});
