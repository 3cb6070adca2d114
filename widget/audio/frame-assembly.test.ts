import { describe, expect, it } from 'vitest';
import { FrameAssembly, toPcm16 } from './frame-assembly.ts';

interface Sent {
  samples: number[];
  speaking: boolean;
}

function assembly(tailSamples = 1200) {
  const sent: Sent[] = [];
  const frames = new FrameAssembly({
    frameSamples: 480,
    batchSamples: 2400,
    tailSamples,
    send(buffer, length, speaking) {
      sent.push({ samples: [...buffer.subarray(0, length)], speaking });
      frames.recycle(buffer);
    },
  });
  let pushed = 0;
  const push = (count: number) => {
    // Every sample is told from every other, as PCM16.
    for (let i = 0; i < count; i++) frames.push((pushed++ % 30_000) / 32_768);
  };
  const lengths = () => sent.map((frame) => (frame.speaking ? 's' : '') + String(frame.samples.length));
  return { frames, sent, push, lengths };
}

describe('cutting the microphone into frames', () => {
  it('sends batches while nobody speaks, the newest one held back', () => {
    const { push, lengths } = assembly();
    push(4799);
    expect(lengths()).toEqual([]);
    push(1);
    expect(lengths()).toEqual(['2400']);
  });

  it('sends what is pending at once when speech begins, as speech, and goes on in short frames', () => {
    const { frames, push, lengths } = assembly();
    push(3000);
    frames.setSpeaking(true);
    expect(lengths()).toEqual(['s2400', 's600']);
    push(960);
    expect(lengths()).toEqual(['s2400', 's600', 's480', 's480']);
  });

  it('keeps frames short for a while after speech, then batches again', () => {
    const { frames, push, lengths } = assembly();
    frames.setSpeaking(true);
    push(480);
    frames.setSpeaking(false);
    frames.setSpeaking(false);
    push(1440);
    expect(lengths()).toEqual(['s480', '480', '480', '480']);
    push(4800);
    expect(lengths().slice(4)).toEqual(['2400']);
  });

  it('loses and repeats no sample, whatever happens', () => {
    const { frames, sent, push } = assembly();
    push(2500);
    frames.setSpeaking(true);
    push(700);
    frames.setSpeaking(false);
    push(9000);
    frames.setSpeaking(true);
    push(13);
    frames.flush();
    const all = sent.flatMap(({ samples }) => samples);
    expect(all).toHaveLength(12_213);
    expect(all.every((sample, i) => sample === i % 30_000)).toBe(true);
  });

  it('takes buffers from the pool, and makes one only when none has come back', () => {
    const buffers: Int16Array<ArrayBuffer>[] = [];
    const frames = new FrameAssembly({
      frameSamples: 480,
      batchSamples: 2400,
      tailSamples: 0,
      send: (buffer) => buffers.push(buffer),
    });
    frames.setSpeaking(true);
    for (let i = 0; i < 480 * 30; i++) frames.push(0);
    expect(new Set(buffers).size).toBe(30);
    for (const buffer of buffers.splice(0)) frames.recycle(buffer);
    frames.recycle(new Int16Array(7));
    const before = new Set<Int16Array>();
    for (let i = 0; i < 480 * 20; i++) frames.push(0);
    for (const buffer of buffers) before.add(buffer);
    expect(before.size).toBe(20);
    expect(buffers.every((buffer) => buffer.length === 2400)).toBe(true);
  });

  it('clips what is beyond full scale instead of wrapping it', () => {
    expect([0, 1, -1, 2, -2, 0.5, -0.5].map(toPcm16)).toEqual([0, 32_767, -32_768, 32_767, -32_768, 16_384, -16_384]);
  });
});
