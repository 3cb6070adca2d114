/**
 * The sounds of the room at the device's rate: the recorded user, coughs, keys, somebody at the far
 * side of the room, and steady noise. The same seed gives the same sound. Knows no conversation.
 */
import { cough, noise, speech } from '../../relay/testing/speech.ts';
import { Resampler } from '../../widget/audio/resample.ts';
import { random } from '../../widget/audio/testing/sounds.ts';
import type { PlannedEvent } from './scenario.ts';

export const DEVICE_HZ = 48_000;
const WIRE_HZ = 24_000;
const PER_MS = DEVICE_HZ / 1000;
/** Windows in which loudness is looked at. */
const WINDOW_MS = 5;
/** What is softer than the loudest window by this is the edge of a sound, not the sound. */
const EDGE_DB = 30;

/** A sound, and between which of its samples it can be heard. */
export interface Sound {
  samples: Float32Array;
  from: number;
  to: number;
}

function upsampled(pcm: Int16Array): Float32Array {
  const resampler = new Resampler(WIRE_HZ, DEVICE_HZ);
  const padded = Float32Array.from({ length: pcm.length + 64 }, (_, i) => (pcm[i] ?? 0) / 32_768);
  const out = new Float32Array(padded.length * 2);
  let made = 0;
  for (let at = 0; at < padded.length; at += 1024) {
    resampler.write(padded.subarray(at, at + 1024));
    made += resampler.read(out, made);
  }
  return out.slice(Math.round(resampler.delay * 2), made);
}

/** Power of each window. */
function powers(samples: Float32Array): number[] {
  const size = WINDOW_MS * PER_MS;
  const all: number[] = [];
  for (let at = 0; at < samples.length; at += size) {
    let sum = 0;
    for (let i = at; i < Math.min(at + size, samples.length); i++) sum += (samples[i] ?? 0) ** 2;
    all.push(sum / size);
  }
  return all;
}

/** Brings what sounds of `samples` to `levelDb` dBFS RMS and finds its edges. */
export function levelled(samples: Float32Array, levelDb: number): Sound {
  const all = powers(samples);
  const least = Math.max(...all) * 10 ** (-EDGE_DB / 10);
  const sounding = all.filter((power) => power > least);
  const mean = sounding.reduce((sum, power) => sum + power, 0) / Math.max(1, sounding.length);
  const gain = 10 ** (levelDb / 20) / Math.sqrt(mean || 1);
  const size = WINDOW_MS * PER_MS;
  return {
    samples: samples.map((sample) => Math.max(-1, Math.min(1, sample * gain))),
    from: all.findIndex((power) => power > least) * size,
    to: (all.findLastIndex((power) => power > least) + 1) * size,
  };
}

/** A voice at the other side of the room: dull, and followed by the walls. */
function distant(samples: Float32Array): Float32Array {
  const tail = 220 * PER_MS;
  const out = new Float32Array(samples.length + tail);
  let low = 0;
  for (let i = 0; i < samples.length; i++) {
    low += 0.22 * ((samples[i] ?? 0) - low);
    out[i] = low;
  }
  for (const [delayMs, gain] of [
    [23, 0.5],
    [41, 0.42],
    [67, 0.33],
    [101, 0.22],
    [149, 0.14],
  ] as const) {
    for (let i = out.length - 1; i >= delayMs * PER_MS; i--) {
      out[i] = (out[i] ?? 0) + gain * (out[i - delayMs * PER_MS] ?? 0);
    }
  }
  return out;
}

/** A few keys of a keyboard: hard, 4 ms each, 90 to 180 ms apart. */
function keys(seed: number): Float32Array {
  const next = random(seed);
  const strokes = 2 + Math.floor(next() * 3);
  const out = new Float32Array(strokes * 200 * PER_MS);
  let at = 0;
  for (let stroke = 0; stroke < strokes; stroke++) {
    for (let i = 0; i < 12 * PER_MS; i++) {
      out[at + i] = (next() * 2 - 1) * Math.exp(-i / (2 * PER_MS));
    }
    at += Math.round((90 + next() * 90) * PER_MS);
  }
  return out;
}

/** The user asking or saying `phrase`. */
export async function voiceOf(phrase: string, levelDb: number): Promise<Sound> {
  return levelled(upsampled(await speech(phrase)), levelDb);
}

export async function soundOf(event: PlannedEvent): Promise<Sound> {
  const { kind, phrase, levelDb, seed } = event;
  switch (kind) {
    case 'interruption':
    case 'backchannel':
      return voiceOf(phrase ?? '', levelDb);
    case 'side-speech':
      return levelled(distant(upsampled(await speech(phrase ?? ''))), levelDb);
    case 'cough':
      return levelled(upsampled(cough(seed * 31 + 7)), levelDb);
    case 'click':
      return levelled(keys(seed * 17 + 3), levelDb);
    default:
      return kind satisfies never;
  }
}

/** Some seconds of the room itself, to be heard over and over. */
export function roomTone(noiseDb: number, seed: number): Float32Array {
  return upsampled(noise(4000, noiseDb, seed)).slice(0, 3900 * PER_MS);
}
