/**
 * The emulator's ear. It recognises no language: it knows the recordings of the phrase bank's
 * user again, also through a microphone's processing, and describes everything else by its length.
 */
import type { Ear } from '../speech.ts';
import { type Bank, loadBank } from '../voice/bank.ts';
import { resample } from '../voice/resample.ts';
import { bestMatch } from './match.ts';
import { HOP_SAMPLES, type Spectrum, spectrumOf } from './spectrum.ts';

const RATE_HZ = 24_000;
/** Longer sound is not compared, only described; keeps the cost of an utterance bounded. */
const LONGEST_MS = 8000;
/** Of even longer sound only so much is looked at to find where the speech lies. */
const LOOKED_AT_MS = 30_000;
/** Less than this in common (about 0.75 s) says little, so more likeness is asked for. */
const SHORT_MOMENTS = 63;
const LEAST_LIKENESS = 0.74;
const LEAST_LIKENESS_SHORT = 0.83;
/** A recognised utterance consists of recordings at least by this share of its sounding moments. */
const LEAST_COVERED = 0.6;

interface Reference {
  text: string;
  spectrum: Spectrum;
}

interface Hit {
  text: string;
  from: number;
  to: number;
  likeness: number;
}

/** Loads the bank and prepares its user's recordings. An ear keeps nothing running. */
export async function createEar(): Promise<Ear> {
  return earFor(await loadBank());
}

/** An ear for the user's recordings of `bank`. */
export function earFor(bank: Bank): Ear {
  const references = bank.recordings
    .filter((recording) => recording.speaker === 'user')
    .map((recording): Reference => {
      const samples = resample(bank.samplesOf(recording), bank.rateHz, RATE_HZ);
      return { text: recording.text, spectrum: spectrumOf(samples) };
    });
  return { understand: (samples) => understand(references, samples) };
}

function understand(references: readonly Reference[], samples: Int16Array) {
  const whole = spectrumOf(samples.subarray(0, (LOOKED_AT_MS * RATE_HZ) / 1000));
  const from = whole.weights.findIndex((weight) => weight > 0);
  const to = whole.weights.findLastIndex((weight) => weight > 0) + 1;
  const isCut = samples.length * 1000 > LOOKED_AT_MS * RATE_HZ;
  const sounds = from < 0 ? 0 : isCut ? samples.length - from * HOP_SAMPLES : (to - from) * HOP_SAMPLES;
  const described = { text: `[speech, ${(sounds / RATE_HZ).toFixed(1)} s]`, known: false };
  if (sounds === 0 || sounds * 1000 > LONGEST_MS * RATE_HZ) return described;
  const heard = part(whole, from, to);
  const hits = hitsIn(references, heard);
  return coveredShare(heard, hits) < LEAST_COVERED
    ? described
    : { text: hits.map((hit) => hit.text).join(' '), known: true };
}

/** Moments `from` to `to`, excluded, of a spectrum. */
function part({ length, bands, weights }: Spectrum, from: number, to: number): Spectrum {
  const perMoment = bands.length / length;
  return {
    length: to - from,
    bands: bands.subarray(from * perMoment, to * perMoment),
    weights: weights.subarray(from, to),
  };
}

/** The most alike recordings that do not overlap, in the order in which they were said. */
function hitsIn(references: readonly Reference[], heard: Spectrum): Hit[] {
  const candidates: Hit[] = [];
  for (const { text, spectrum } of references) {
    const match = bestMatch(spectrum, heard);
    if (!match) continue;
    const from = Math.max(0, match.offset);
    const to = Math.min(heard.length, match.offset + spectrum.length);
    const least = to - from < SHORT_MOMENTS ? LEAST_LIKENESS_SHORT : LEAST_LIKENESS;
    if (match.likeness >= least) candidates.push({ text, likeness: match.likeness, from, to });
  }
  // long ones first among the alike: a short recording may be part of what a long one says
  candidates.sort((a, b) => b.likeness * Math.sqrt(b.to - b.from) - a.likeness * Math.sqrt(a.to - a.from));
  const hits: Hit[] = [];
  for (const candidate of candidates) {
    const overlaps = hits.some((hit) => overlap(hit, candidate) > 0.25 * (candidate.to - candidate.from));
    if (!overlaps) hits.push(candidate);
  }
  return hits.sort((a, b) => a.from - b.from);
}

const overlap = (a: Hit, b: Hit) => Math.min(a.to, b.to) - Math.max(a.from, b.from);

/** How much of what sounds is accounted for by `hits`, 0 to 1. */
function coveredShare(heard: Spectrum, hits: readonly Hit[]): number {
  let sounding = 0;
  let covered = 0;
  heard.weights.forEach((weight, moment) => {
    sounding += weight;
    if (hits.some((hit) => moment >= hit.from && moment < hit.to)) covered += weight;
  });
  return sounding === 0 ? 0 : covered / sounding;
}
