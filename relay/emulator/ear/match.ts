/** How alike two spectra are at an offset, and where a known one lies in an unknown one. */
import { BANDS, type Spectrum } from './spectrum.ts';

export interface Match {
  /** Moment of the utterance at which the reference starts; negative when its start was cut off. */
  offset: number;
  /** Correlation, -1 to 1. */
  likeness: number;
}

/** A reference may lack this share of its weight at the edges of the utterance. */
const LEAST_OVERLAP = 0.62;

/**
 * Weighted correlation of `known` with `heard`, each band about its own mean so that a filter in
 * between changes nothing.
 *
 * @param stride - Look at every `stride`-th moment only.
 */
export function likenessAt(known: Spectrum, heard: Spectrum, offset: number, stride: number): number {
  const from = Math.max(0, -offset);
  const to = Math.min(known.length, heard.length - offset);
  let weightSum = 0;
  let rr = 0;
  let uu = 0;
  let ru = 0;
  const sumR = new Float64Array(BANDS);
  const sumU = new Float64Array(BANDS);
  for (let moment = from; moment < to; moment += stride) {
    const weight = known.weights[moment] as number;
    if (weight < 0.1) continue;
    weightSum += weight;
    const atR = moment * BANDS;
    const atU = (moment + offset) * BANDS;
    for (let band = 0; band < BANDS; band++) {
      const r = known.bands[atR + band] as number;
      const u = heard.bands[atU + band] as number;
      const weighted = weight * r;
      rr += weighted * r;
      ru += weighted * u;
      uu += weight * u * u;
      sumR[band] = (sumR[band] as number) + weighted;
      sumU[band] = (sumU[band] as number) + weight * u;
    }
  }
  if (weightSum === 0) return 0;
  for (let band = 0; band < BANDS; band++) {
    const r = sumR[band] as number;
    const u = sumU[band] as number;
    rr -= (r * r) / weightSum;
    ru -= (r * u) / weightSum;
    uu -= (u * u) / weightSum;
  }
  return rr <= 0 || uu <= 0 ? 0 : ru / Math.sqrt(rr * uu);
}

/** The best place of `known` in `heard`, coarsely first; undefined when `heard` is too short for it. */
export function bestMatch(known: Spectrum, heard: Spectrum): Match | undefined {
  let total = 0;
  for (const weight of known.weights) total += weight;
  // how far the reference may stick out at either end
  let early = 0;
  for (let sum = 0; early < known.length; early++) {
    sum += known.weights[early] as number;
    if (sum > total * (1 - LEAST_OVERLAP)) break;
  }
  let late = 0;
  for (let sum = 0; late < known.length; late++) {
    sum += known.weights[known.length - 1 - late] as number;
    if (sum > total * (1 - LEAST_OVERLAP)) break;
  }
  const last = heard.length - known.length + late;
  if (last < -early) return undefined;
  const coarse: Match[] = [];
  for (let offset = -early; offset <= last; offset += 2) {
    coarse.push({ offset, likeness: likenessAt(known, heard, offset, 3) });
  }
  coarse.sort((a, b) => b.likeness - a.likeness);
  let best: Match | undefined;
  for (const { offset } of coarse.slice(0, 3)) {
    for (let near = Math.max(-early, offset - 1); near <= Math.min(last, offset + 1); near++) {
      const likeness = likenessAt(known, heard, near, 1);
      if (!best || likeness > best.likeness) best = { offset: near, likeness };
    }
  }
  return best;
}
