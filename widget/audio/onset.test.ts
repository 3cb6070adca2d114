import { describe, expect, it } from 'vitest';
import { EchoReference } from './echo-reference.ts';
import { OnsetDetector } from './onset.ts';
import { join, mix, noise, random, silence, tone, voice } from './testing/sounds.ts';

const FRAME = 240;
const RATE = 24_000;

interface Change {
  is: 'onset' | 'offset';
  /** End of the frame that decided, in milliseconds. */
  atMs: number;
  level: number;
  risenMs: number;
}

function listen(heard: Float32Array, played?: Float32Array, prepare?: (detector: OnsetDetector) => void): Change[] {
  const detector = new OnsetDetector(FRAME);
  const reference = new EchoReference(RATE);
  prepare?.(detector);
  const changes: Change[] = [];
  for (let at = 0; at + FRAME <= heard.length; at += FRAME) {
    if (played) reference.push(played.subarray(at, at + FRAME), Math.min(FRAME, Math.max(0, played.length - at)));
    const is = detector.frame(heard.subarray(at, at + FRAME), played ? reference : null);
    if (is !== null) {
      changes.push({ is, atMs: (at + FRAME) / 24, level: detector.levelDb, risenMs: detector.risenFrames * 10 });
    }
  }
  return changes;
}

const onsets = (changes: Change[]) => changes.filter(({ is }) => is === 'onset');

/** An "s": noise without its low half. */
function hiss(ms: number, level: number): Float32Array {
  let before = 0;
  return noise(ms, level, 5).map((sample) => {
    const high = sample - before;
    before = sample;
    return high;
  });
}

/** What a room does not absorb: later, softer. */
function echo(played: Float32Array, delayMs: number, gainDb: number): Float32Array {
  const late = Math.round(delayMs * 24);
  return played.map((_, i) => (played[i - late] ?? 0) * 10 ** (gainDb / 20));
}

const percentile = (values: number[], share: number) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Infinity;

describe('the onset of speech', () => {
  it('is decided within 60 ms of its first sound, in quiet and in noise, for high and low voices', () => {
    const delays: number[] = [];
    for (let i = 0; i < 60; i++) {
      const lead = 800 + i * 3.7;
      const pitch = 85 + i * 3;
      const spoken = join(silence(lead), voice(600, 0.3, pitch), silence(500));
      const heard = i % 2 === 0 ? spoken : mix(spoken, noise(spoken.length / 24, 0.002, i + 1));
      const [onset, ...others] = onsets(listen(heard));
      expect(others).toEqual([]);
      delays.push((onset?.atMs ?? Infinity) - lead);
    }
    expect(percentile(delays, 0.95)).toBeLessThanOrEqual(60);
    expect(Math.min(...delays)).toBeGreaterThan(0);
  });

  it('is decided as soon for a hiss that begins a word', () => {
    const [onset] = onsets(listen(join(silence(900), hiss(150, 0.03), voice(400, 0.3))));
    expect(onset?.atMs).toBeLessThanOrEqual(960);
  });

  it('says how loud it is and since when it was there', () => {
    const [onset] = onsets(listen(join(noise(1000, 0.0005), voice(500, 0.4))));
    expect(onset?.level).toBeGreaterThan(-25);
    expect(onset?.level).toBeLessThan(-3);
    expect((onset?.atMs ?? 0) - (onset?.risenMs ?? 0)).toBeCloseTo(1000, -1.3);
  });

  it('comes once for a sentence with short pauses, and its end 300 ms after the last sound', () => {
    const changes = listen(join(silence(500), voice(540, 0.3), silence(200), voice(540, 0.3), silence(600)));
    expect(changes.map(({ is }) => is)).toEqual(['onset', 'offset']);
    expect(changes[1]?.atMs).toBeGreaterThan(500 + 540 + 200 + 540 + 250);
    expect(changes[1]?.atMs).toBeLessThan(500 + 540 + 200 + 540 + 350);
  });

  it('is over 120 ms after its last sound while the answer is held for it', () => {
    const detector = new OnsetDetector(FRAME);
    const heard = join(silence(400), voice(350, 0.1), silence(600));
    let endedAtMs = Infinity;
    for (let at = 0; at + FRAME <= heard.length; at += FRAME) {
      const change = detector.frame(heard.subarray(at, at + FRAME), null);
      if (change === 'onset') detector.isHeld = true;
      if (change === 'offset') endedAtMs = (at + FRAME) / 24;
    }
    expect(endedAtMs).toBeGreaterThan(750);
    expect(endedAtMs).toBeLessThanOrEqual(750 + 120);
  });

  it('comes again for the next sentence', () => {
    const sentence = join(voice(540, 0.3), silence(600));
    expect(onsets(listen(join(silence(500), sentence, sentence, sentence)))).toHaveLength(3);
  });
});

describe('what is not speech', () => {
  it.each([0.0003, 0.001, 0.003, 0.01, 0.03])('raises no alarm: 20 s of steady noise at %d', (level) => {
    expect(onsets(listen(noise(20_000, level, 11)))).toEqual([]);
  });

  it('raises no alarm: clicks of keys', () => {
    const next = random(8);
    const heard = noise(20_000, 0.001, 2);
    for (let at = 24_000; at < heard.length - 2400; at += 7000 + Math.floor(next() * 3000)) {
      for (let i = 0; i < 480; i++) heard[at + i] = (heard[at + i] ?? 0) + (next() * 2 - 1) * 0.4 * Math.exp(-i / 100);
    }
    expect(onsets(listen(heard))).toEqual([]);
  });

  it('raises at most one alarm when a fan or a hum begins, and learns it', () => {
    for (const begun of [noise(20_000, 0.02, 3), tone(50, 20_000, 0.1)]) {
      const changes = listen(join(noise(2000, 0.0005), begun, voice(500, 0.6)));
      expect(onsets(changes).length).toBeGreaterThanOrEqual(1);
      expect(onsets(changes).length).toBeLessThanOrEqual(2);
      expect(onsets(changes.filter(({ atMs }) => atMs > 2500 && atMs < 22_000))).toEqual([]);
      for (const { is, atMs } of changes.slice(0, -1)) if (is === 'offset') expect(atMs).toBeLessThan(8000);
    }
  });

  it('is not decided while the noise of a microphone that was just opened is learnt', () => {
    expect(onsets(listen(noise(3000, 0.01), undefined, (detector) => detector.reset()))).toEqual([]);
    const detector = new OnsetDetector(FRAME);
    for (let i = 0; i < 9; i++) expect(detector.frame(tone(200, 10, 0.5), null)).toBeNull();
  });

  it('forgets an utterance when the microphone is switched off', () => {
    const detector = new OnsetDetector(FRAME);
    const spoken = join(silence(300), voice(300, 0.4));
    for (let at = 0; at + FRAME <= spoken.length; at += FRAME) detector.frame(spoken.subarray(at, at + FRAME), null);
    expect(detector.isSpeaking).toBe(true);
    detector.reset();
    expect(detector.isSpeaking).toBe(false);
  });
});

describe("the agent's own voice in the microphone", () => {
  const sentence = (pitch: number) =>
    join(voice(720, 0.4, pitch), silence(120), voice(900, 0.4, pitch * 1.1), silence(200));
  const played = join(silence(300), sentence(110), sentence(190), sentence(140));
  const room = noise(played.length / 24, 0.0008, 21);

  it.each([-50, -40, -30, -20, -10, -4])('raises no alarm with an echo %i dB softer than it is played', (gainDb) => {
    for (const delayMs of [40, 110, 230]) {
      expect(onsets(listen(mix(echo(played, delayMs, gainDb), room), played))).toEqual([]);
    }
  });

  it.each([-50, -40, -30])(
    'does not hide somebody who speaks, with an echo %i dB softer than it is played',
    (gainDb) => {
      const delays: number[] = [];
      for (let i = 0; i < 10; i++) {
        const at = 2200 + i * 130;
        const heard = mix(mix(echo(played, 90, gainDb), room), join(silence(at), voice(600, 0.3, 100 + 15 * i, 1.25)));
        const [onset] = onsets(listen(heard, played));
        delays.push((onset?.atMs ?? Infinity) - at);
      }
      expect(Math.min(...delays)).toBeGreaterThan(0);
      expect(percentile(delays, 0.9)).toBeLessThanOrEqual(120);
    },
  );

  it('is expected louder from the start where nothing cancels it', () => {
    const heard = mix(echo(played, 60, -10), room);
    const assume = (detector: OnsetDetector) => detector.assumeCoupling(-8);
    expect(onsets(listen(heard, played, assume))).toEqual([]);
    const spoken = mix(heard, join(silence(3000), voice(500, 0.9)));
    expect(onsets(listen(spoken, played)).length).toBeGreaterThan(0);
  });
});
