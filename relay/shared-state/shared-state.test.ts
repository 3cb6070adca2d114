import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { memorySharedState } from './memory.ts';

// The same promises for every adapter.
describe.each([['memory', memorySharedState]] as const)('shared state in %s', (kind, make) => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('allows as many uses a window as the limit says, then refuses until the window ends', async () => {
    const state = make();
    expect(state.kind).toBe(kind);
    expect(await state.take('api', 'a', 2, 1_000)).toEqual({ isAllowed: true, remaining: 1, resetMs: 1_000 });
    vi.advanceTimersByTime(400);
    expect(await state.take('api', 'a', 2, 1_000)).toEqual({ isAllowed: true, remaining: 0, resetMs: 600 });
    expect(await state.take('api', 'a', 2, 1_000)).toEqual({ isAllowed: false, remaining: 0, resetMs: 600 });
    vi.advanceTimersByTime(600);
    expect(await state.take('api', 'a', 2, 1_000)).toMatchObject({ isAllowed: true, remaining: 1 });
  });

  it('counts every key and every bucket for itself', async () => {
    const state = make();
    for (const [bucket, key] of [
      ['api', 'a'],
      ['api', 'b'],
      ['connects', 'a'],
    ] as const)
      expect(await state.take(bucket, key, 1, 1_000)).toMatchObject({ isAllowed: true });
  });

  it('gives out exactly as many leases as there are places, over any order of taking and giving back', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(9), { maxLength: 60 }), async (max, steps) => {
        const state = make();
        const held: (() => void)[] = [];
        for (const step of steps) {
          if (step < 6) {
            const release = await state.lease('t', max);
            expect(release === undefined).toBe(held.length === max);
            if (release !== undefined) held.push(release);
          } else {
            const release = held.splice(step % Math.max(1, held.length), 1)[0];
            release?.();
            release?.();
          }
          expect(await state.leased('t')).toBe(held.length);
        }
        expect(await state.leased('other')).toBe(0);
      }),
    );
  });
});
