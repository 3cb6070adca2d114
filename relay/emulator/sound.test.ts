/** Sound: formats as bytes, the detector's instants, and what the input buffer still holds. */
import { describe, expect, it } from 'vitest';
import { msToSamples } from '#wire';
import { Detector, type Heard } from './detector.ts';
import { InputBuffer } from './input-buffer.ts';
import { decodeAudio, encodeAudio } from './pcm.ts';
import { base64, silence, tone } from './testing/sounds.ts';

function instants(threshold: number, ...sounds: Int16Array[]): Heard[] {
  const detector = new Detector({ threshold, silenceMs: () => 500 }, 0);
  const all: Heard[] = [];
  for (const sound of sounds) {
    for (let at = 0; at < sound.length;) {
      const { taken, heard } = detector.hear(sound, at);
      at += taken;
      if (heard !== null) all.push(heard);
    }
  }
  return all;
}

describe('the detector', () => {
  it('decides 60 ms after the onset, and so long after the last voice as it was told', () => {
    expect(instants(0.5, silence(400), tone(600), silence(1000))).toEqual([
      { is: 'started', atMs: 460 },
      { is: 'stopped', atMs: 1500, silentSinceMs: 1000 },
    ]);
  });

  it('bridges pauses, and is deaf to clicks and to what is below its threshold', () => {
    expect(instants(0.5, tone(300), silence(480), tone(300), silence(480))).toHaveLength(1);
    expect(instants(0.5, silence(100), tone(40), silence(600))).toEqual([]);
    expect(instants(0.5, tone(500, 300))).toEqual([]);
    expect(instants(0, tone(500, 300))).toHaveLength(1);
    expect(instants(1, tone(500, 2000))).toEqual([]);
  });

  it('gets used to a steady noise, and hears a voice above it', () => {
    const noise = (ms: number) => tone(ms, 400);
    expect(instants(0.5, noise(6000), tone(300, 900), noise(1000))).toEqual([]);
    expect(instants(0.5, noise(6000), tone(300, 4000), noise(1000))).toHaveLength(2);
  });
});

describe('formats', () => {
  it('µ-law and A-law are those of G.711', () => {
    const decoded = (bytes: number[], type: 'audio/pcmu' | 'audio/pcma') =>
      decodeAudio(Buffer.from(bytes).toString('base64'), { type }, 'audio').filter((_, i) => i % 3 === 0);
    expect([...decoded([0xff, 0x7f, 0x80, 0x00], 'audio/pcmu')]).toEqual([0, 0, 32_124, -32_124]);
    expect([...decoded([0xd5, 0x55, 0xaa, 0x2a], 'audio/pcma')]).toEqual([8, -8, 32_256, -32_256]);
  });

  it.each(['audio/pcmu', 'audio/pcma'] as const)('%s comes back as every one of its 256 bytes', (type) => {
    // Minus zero of µ-law is the one byte that no sample encodes to.
    const bytes = Buffer.from(
      Array.from({ length: 256 }, (_, byte) => (type === 'audio/pcmu' && byte === 0x7f ? 0xff : byte)),
    );
    const held = Int16Array.from(
      [...bytes].flatMap((_, i) => {
        const sample = decodeAudio(bytes.subarray(i, i + 1).toString('base64'), { type }, 'audio')[0] ?? 0;
        return [sample, sample, sample];
      }),
    );
    expect(encodeAudio(held, { type })).toBe(bytes.toString('base64'));
  });

  it('PCM16 is little endian', () => {
    const samples = Int16Array.of(1, -2, 300);
    expect(encodeAudio(samples, { type: 'audio/pcm', rate: 24_000 })).toBe('AQD+/ywB');
    expect(decodeAudio(base64(samples), { type: 'audio/pcm', rate: 24_000 }, 'audio')).toEqual(samples);
  });
});

describe('the input buffer', () => {
  it('gives a commit what lies between two instants, and no sample twice', () => {
    const buffer = new InputBuffer();
    buffer.append(Int16Array.from({ length: msToSamples(1000) }, (_, i) => i));
    buffer.append(new Int16Array(0));
    expect(buffer.take(200, 500)).toEqual(Int16Array.from({ length: 7200 }, (_, i) => i + 4800));
    expect([buffer.openFromMs, buffer.openMs, buffer.totalMs]).toEqual([500, 500, 1000]);
    expect(buffer.take(0, 600)[0]).toBe(12_000);
    expect(buffer.peek(0, 10)).toHaveLength(240);
  });

  it('lets go of what is older than two minutes, unless it is still to be committed', () => {
    const buffer = new InputBuffer();
    for (let s = 0; s < 150; s += 1) buffer.append(silence(1000));
    expect(buffer.peek(0, 150_000)).toHaveLength(msToSamples(150_000));
    buffer.dropUntil(150_000);
    buffer.append(silence(1000));
    expect(buffer.recent()).toHaveLength(msToSamples(120_000));
    expect(buffer.peek(0, 151_000)).toHaveLength(msToSamples(120_000));
  });

  it('of a session that few would look at keeps the last seconds, and what is still to be committed', () => {
    const buffer = new InputBuffer();
    for (let s = 0; s < 30; s += 1) buffer.append(silence(1000));
    buffer.keepLittle();
    buffer.append(silence(1000));
    expect(buffer.recent()).toHaveLength(msToSamples(31_000));
    buffer.dropUntil(31_000);
    buffer.append(silence(1000));
    expect(buffer.recent()).toHaveLength(msToSamples(10_000));
    expect(buffer.totalMs).toBe(32_000);
  });
});
