/** Numbers by seed: the same again, and evenly spread. */
import { describe, expect, it } from 'vitest';
import { seeded } from './random.ts';
import { percentile } from './percentile.ts';

const draw = (seed: number, name?: string) => {
  const random = name === undefined ? seeded(seed) : seeded(seed).fork(name);
  return Array.from({ length: 5 }, () => random.next());
};

describe('seeded numbers', () => {
  it('are the same for the same seed and name, and others for another', () => {
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(7, 'a')).toEqual(draw(7, 'a'));
    expect(draw(7, 'a')).not.toEqual(draw(7, 'b'));
  });

  it('do not depend on what was drawn before from where they branch', () => {
    const random = seeded(3);
    random.next();
    expect(random.fork('x').next()).toBe(seeded(3).fork('x').next());
  });

  it('stay within their bounds and reach both ends', () => {
    const random = seeded(1);
    const whole = Array.from({ length: 500 }, () => random.whole(2, 4));
    expect(new Set(whole)).toEqual(new Set([2, 3, 4]));
    const between = Array.from({ length: 500 }, () => random.between(-1, 1));
    expect(Math.min(...between)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...between)).toBeLessThan(1);
    expect([random.chance(0), random.chance(1)]).toEqual([false, true]);
    expect(() => random.pick([])).toThrow(RangeError);
  });
});

describe('a percentile', () => {
  it('is a value of the list, and none of an empty one', () => {
    expect([0, 0.5, 0.95, 1].map((share) => percentile([30, 10, 20], share))).toEqual([10, 20, 30, 30]);
    expect(percentile([], 0.5)).toBeNaN();
  });
});
