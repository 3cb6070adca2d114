import { describe, expect, it } from 'vitest';
import { EchoReference, SILENCE_DB } from './echo-reference.ts';
import { EchoTrace, MATCH_SAMPLES, PLAYED_SAMPLES, likeness } from './echo-match.ts';
import { join, noise, silence, tone, voice } from './testing/sounds.ts';

function compare(heard: Float32Array, played: Float32Array): number {
  const one = new EchoTrace(MATCH_SAMPLES);
  const other = new EchoTrace(PLAYED_SAMPLES);
  for (const sample of heard) one.push(sample);
  for (const sample of played) other.push(sample);
  return likeness(one.newest, other.newest);
}

describe('comparing the microphone with what was played', () => {
  const played = voice(700, 0.4, 120);

  it.each([0, 35, 120, 333])('finds an echo that is %i ms late, however soft and inverted', (delayMs) => {
    const heard = join(
      silence(delayMs),
      played.map((sample) => -0.003 * sample),
    ).subarray(0, played.length);
    expect(compare(heard, played)).toBeGreaterThan(0.9);
  });

  it('finds nothing of another voice, of noise or of silence', () => {
    expect(compare(voice(700, 0.4, 173), played)).toBeLessThan(0.8);
    expect(compare(noise(700, 0.1), played)).toBeLessThan(0.5);
    expect(compare(silence(700), played)).toBeLessThan(0.1);
    expect(compare(played, silence(700))).toBeLessThan(0.1);
  });
});

describe('the record of what was played', () => {
  it('is the loudest 10 ms of the last half second', () => {
    const reference = new EchoReference(24_000);
    expect(reference.loudestDb).toBe(SILENCE_DB);
    const sound = join(tone(1000, 100, 0.1), tone(1000, 20, 1), tone(1000, 100, 0.1));
    reference.push(sound, sound.length);
    expect(reference.loudestDb).toBeCloseTo(-3, 0);
    reference.push(tone(1000, 450, 0.1), 450 * 24);
    expect(reference.loudestDb).toBeCloseTo(-23, 0);
    reference.push(silence(600), 600 * 24);
    expect(reference.loudestDb).toBe(SILENCE_DB);
  });
});
