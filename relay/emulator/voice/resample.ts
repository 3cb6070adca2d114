/**
 * Windowed-sinc resampling of whole recordings, to any rate. Offline only: it sees both ends, so
 * it has no delay. Knows nothing of speech.
 */

/** Zero crossings of the kernel on each side; with the window below about 80 dB of rejection. */
const LOBES = 16;
const KAISER_BETA = 8;
/** Kernel values between two zero crossings; linear interpolation between them errs below 16 bits. */
const PHASES = 512;
/** Share of the lower Nyquist frequency that passes. */
const PASS = 0.94;

function besselI0(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; k < 32; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

/** One side of the kernel, `PHASES` values a lobe. */
const KERNEL = Float64Array.from({ length: LOBES * PHASES + 2 }, (_, index) => {
  const x = index / PHASES;
  if (x >= LOBES) return 0;
  const window = besselI0(KAISER_BETA * Math.sqrt(1 - (x / LOBES) ** 2)) / besselI0(KAISER_BETA);
  return (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)) * window;
});

/**
 * @param fromHz - Rate of `samples`; a rate that is not theirs changes pitch and tempo alike.
 * @returns as many samples as last as long at `toHz`, rounded.
 */
export function resample(samples: Int16Array, fromHz: number, toHz: number): Int16Array {
  if (fromHz === toHz) return samples.slice();
  const step = fromHz / toHz;
  const cutoff = PASS * Math.min(1, toHz / fromHz);
  const reach = LOBES / cutoff;
  const out = new Int16Array(Math.round(samples.length / step));
  for (let index = 0; index < out.length; index++) {
    const centre = index * step;
    const last = Math.min(samples.length - 1, Math.floor(centre + reach));
    let sum = 0;
    for (let at = Math.max(0, Math.ceil(centre - reach)); at <= last; at++) {
      const x = Math.abs(at - centre) * cutoff * PHASES;
      const whole = Math.floor(x);
      const low = KERNEL[whole] ?? 0;
      sum += (samples[at] ?? 0) * (low + ((KERNEL[whole + 1] ?? 0) - low) * (x - whole));
    }
    out[index] = Math.max(-32768, Math.min(32767, Math.round(sum * cutoff)));
  }
  return out;
}
