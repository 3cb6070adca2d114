import { describe, expect, it } from 'vitest';
import { Resampler } from './resample.ts';
import { noise, rms, tone } from './testing/sounds.ts';

/** Everything that comes out of `samples`, written in blocks of `block`. */
function resample(samples: Float32Array, inputHz: number, outputHz: number, block = 128): Float32Array {
  const resampler = new Resampler(inputHz, outputHz);
  const out = new Float32Array(Math.ceil((samples.length * outputHz) / inputHz) + 16);
  let made = 0;
  for (let at = 0; at < samples.length; at += block) {
    resampler.write(samples.subarray(at, at + block));
    made += resampler.read(out, made);
  }
  return out.subarray(0, made);
}

const toDb = (ratio: number) => 20 * Math.log10(ratio);

describe('the resampler', () => {
  it.each([8000, 16_000, 22_050, 44_100, 48_000, 88_200, 96_000, 192_000, 44_099])(
    'keeps a voice as it is, from %i Hz to 24 kHz and back',
    (deviceHz) => {
      const hz = 0.4 * Math.min(deviceHz, 24_000);
      for (const [from, to] of [
        [deviceHz, 24_000],
        [24_000, deviceHz],
      ] as const) {
        const out = resample(tone(hz, 300, 0.5, from), from, to).subarray(Math.round(to / 50));
        expect(toDb(rms(out) / (0.5 * Math.SQRT1_2))).toBeCloseTo(0, 1);
      }
    },
  );

  it.each([
    [48_000, 13_000],
    [48_000, 20_000],
    [44_100, 12_200],
    [44_100, 17_000],
    [192_000, 15_000],
    [192_000, 60_000],
    [96_000, 36_100],
  ])('lets nothing of what 24 kHz cannot carry through, from %i Hz a tone of %i Hz', (deviceHz, hz) => {
    const out = resample(tone(hz, 300, 0.9, deviceHz), deviceHz, 24_000).subarray(480);
    expect(toDb(rms(out) / (0.9 * Math.SQRT1_2))).toBeLessThan(-60);
  });

  it('adds no image above what it was given when it goes up', () => {
    const out = resample(tone(9000, 300, 0.9), 24_000, 48_000).subarray(960);
    // What remains after the tone itself is taken out by its own phase.
    let sine = 0;
    let cosine = 0;
    out.forEach((sample, i) => {
      sine += sample * Math.sin((2 * Math.PI * 9000 * i) / 48_000);
      cosine += sample * Math.cos((2 * Math.PI * 9000 * i) / 48_000);
    });
    const rest = out.map((sample, i) => {
      const angle = (2 * Math.PI * 9000 * i) / 48_000;
      return sample - (2 / out.length) * (sine * Math.sin(angle) + cosine * Math.cos(angle));
    });
    expect(toDb(rms(rest) / (0.9 * Math.SQRT1_2))).toBeLessThan(-55);
  });

  it('gives the same whatever the blocks are cut into', () => {
    const samples = noise(200, 0.2, 3, 44_100);
    const whole = resample(samples, 44_100, 24_000, 4000);
    for (const block of [1, 7, 128, 1000]) expect(resample(samples, 44_100, 24_000, block)).toEqual(whole);
  });

  it('passes samples through untouched when both rates are the same', () => {
    const samples = noise(50, 0.2);
    expect(resample(samples, 24_000, 24_000)).toEqual(samples);
    expect(new Resampler(24_000, 24_000).delay).toBe(0);
  });

  it('passes a constant without the slightest tone at the rate of its phases', () => {
    const out = resample(new Float32Array(20_000).fill(0.5), 44_100, 24_000).subarray(200);
    for (const sample of out) expect(sample).toBeCloseTo(0.5, 5);
  });

  it.each([8000, 44_100, 48_000, 192_000])(
    'says how much it needs for a block at %i Hz, and not one more',
    (deviceHz) => {
      const resampler = new Resampler(24_000, deviceHz);
      const out = new Float32Array(128);
      let written = 0;
      for (let quantum = 0; quantum < 500; quantum++) {
        const needed = resampler.needed(128);
        resampler.write(new Float32Array(needed));
        written += needed;
        expect(resampler.read(out)).toBe(128);
      }
      expect(resampler.needed(0)).toBe(0);
      expect(written).toBeGreaterThanOrEqual((500 * 128 * 24_000) / deviceHz);
      expect(written).toBeLessThan((500 * 128 * 24_000) / deviceHz + resampler.delay + 2);
    },
  );

  it('refuses rates that no device has, and a reader who never reads', () => {
    for (const hz of [7999, 192_001, 44_100.5, NaN]) expect(() => new Resampler(hz, 24_000)).toThrow(RangeError);
    const resampler = new Resampler(48_000, 24_000);
    expect(() => {
      for (let i = 0; i < 100; i++) resampler.write(new Float32Array(4096));
    }).toThrow(RangeError);
  });
});
