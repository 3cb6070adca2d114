/**
 * The resampler against its promise, swept: what the lower of two rates cannot carry is at least 60 dB
 * down, in both directions, at every rate that devices have.
 */
import { describe, expect, it } from 'vitest';
import { Resampler } from './resample.ts';
import { rms, tone } from './testing/sounds.ts';

const WIRE_HZ = 24_000;
const DEVICES_HZ = [44_100, 48_000, 96_000];
/** One render quantum. */
const QUANTUM = 128;
const LEVEL = 0.9;
const MS = 120;
const STOP_DB = -60;

/** What comes out of a tone once the filter has settled, in decibels relative to it. */
function through(hz: number, from: number, to: number): Float32Array {
  const resampler = new Resampler(from, to);
  const samples = tone(hz, MS, LEVEL, from);
  const out = new Float32Array(Math.ceil((samples.length * to) / from) + 16);
  let made = 0;
  for (let at = 0; at < samples.length; at += QUANTUM) {
    resampler.write(samples.subarray(at, at + QUANTUM));
    made += resampler.read(out, made);
  }
  return out.subarray(Math.round(to / 50), made);
}

const relativeDb = (samples: Float32Array) => 20 * Math.log10(rms(samples) / (LEVEL * Math.SQRT1_2) + 1e-12);

/** The tone of `hz` itself taken out, by least squares: what remains is what the resampler added. */
function without(hz: number, rateHz: number, samples: Float32Array): Float32Array {
  let [ss, cc, sc, xs, xc] = [0, 0, 0, 0, 0];
  samples.forEach((x, i) => {
    const s = Math.sin((2 * Math.PI * hz * i) / rateHz);
    const c = Math.cos((2 * Math.PI * hz * i) / rateHz);
    ss += s * s;
    cc += c * c;
    sc += s * c;
    xs += x * s;
    xc += x * c;
  });
  const whole = ss * cc - sc * sc;
  const a = (xs * cc - xc * sc) / whole;
  const b = (xc * ss - xs * sc) / whole;
  return samples.map(
    (x, i) => x - a * Math.sin((2 * Math.PI * hz * i) / rateHz) - b * Math.cos((2 * Math.PI * hz * i) / rateHz),
  );
}

const steps = (from: number, to: number, count: number) =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * i) / (count - 1));

describe.each(DEVICES_HZ)('the resampler, swept at a device rate of %i Hz', (deviceHz) => {
  it('lets nothing alias on the way to 24 kHz: 60 dB down from 12 kHz to the device’s own limit', () => {
    for (const hz of steps(12_000, deviceHz / 2 - 50, 32)) {
      const db = relativeDb(through(hz, deviceHz, WIRE_HZ));
      expect(db, `${Math.round(hz)} Hz`).toBeLessThan(STOP_DB);
    }
  });

  it('adds no image on the way back up: 60 dB down beside every tone', () => {
    for (const hz of steps(100, 11_900, 32)) {
      const db = relativeDb(without(hz, deviceHz, through(hz, WIRE_HZ, deviceHz)));
      expect(db, `${Math.round(hz)} Hz`).toBeLessThan(STOP_DB);
    }
  });

  it('passes a voice’s whole range within a tenth of a decibel, both ways', () => {
    for (const hz of steps(100, 10_000, 16)) {
      for (const [from, to] of [
        [deviceHz, WIRE_HZ],
        [WIRE_HZ, deviceHz],
      ] as const) {
        const out = through(hz, from, to);
        const rest = without(hz, to, out);
        // The tone alone: of low ones a fraction of a period is left over.
        const power = rms(out) ** 2 - rms(rest) ** 2;
        const db = 10 * Math.log10(power / (LEVEL * LEVEL * 0.5));
        expect(Math.abs(db), `${Math.round(hz)} Hz from ${from} to ${to}`).toBeLessThan(0.1);
      }
    }
  });
});
