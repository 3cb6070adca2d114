import { describe, expect, it } from 'vitest';
import { Fade } from './fade.ts';

const take = (fade: Fade, count: number) => Array.from({ length: count }, () => fade.next());

describe('a fade', () => {
  it('lets nothing through before it opens, and everything when it has', () => {
    const fade = new Fade();
    expect(take(fade, 2)).toEqual([0, 0]);
    fade.open(100);
    const gains = take(fade, 101);
    expect(gains[49]).toBeCloseTo(0.5);
    expect(gains.slice(99)).toEqual([1, 1]);
    expect(gains.every((gain, i) => i === 0 || gain >= (gains[i - 1] ?? 0))).toBe(true);
  });

  it('turns round at any point without a step', () => {
    const fade = new Fade();
    fade.open(100);
    const gains = take(fade, 40);
    fade.shut(50);
    gains.push(...take(fade, 20));
    fade.open(100);
    gains.push(...take(fade, 100));
    fade.shut(288);
    gains.push(...take(fade, 288));
    const steps = gains.map((gain, i) => Math.abs(gain - (gains[i - 1] ?? 0)));
    expect(Math.max(...steps)).toBeLessThan(0.02);
    expect(gains.at(-1)).toBe(0);
  });

  it('is silent at once after a reset', () => {
    const fade = new Fade();
    fade.open(1);
    fade.next();
    fade.reset();
    expect(fade.next()).toBe(0);
  });
});
