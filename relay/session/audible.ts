/**
 * Whether sound can be heard, by level. It finds where a response begins to sound, so that
 * leading silence neither takes the floor nor is sent.
 */
import { msToSamples } from '#wire';

/** One window of the level meter. */
const WINDOW = msToSamples(5);
/** Root mean square above which a window is heard: −50 dBFS. */
const AUDIBLE_RMS = 32_768 * 10 ** (-50 / 20);

/** Index of the first sample of the first window that can be heard, or −1. */
export function firstAudible(samples: Int16Array): number {
  for (let start = 0; start < samples.length; start += WINDOW) {
    const end = Math.min(start + WINDOW, samples.length);
    let sum = 0;
    for (let i = start; i < end; i++) sum += (samples[i] ?? 0) ** 2;
    if (Math.sqrt(sum / (end - start)) > AUDIBLE_RMS) return start;
  }
  return -1;
}
