import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CLOSE,
  CLOSE_NORMAL,
  HEADER_BYTES,
  LANES,
  MAX_FRAME_BYTES,
  SAMPLE_BYTES,
  bytesToMs,
  closeName,
  decodeAudioFrame,
  encodeAudioFrame,
  mayReconnect,
  msToSamples,
  samplesToMs,
  unwrapSequence,
  type AudioFrame,
} from './index.ts';

const frame = (fields: Partial<AudioFrame> = {}): AudioFrame => ({
  epoch: 1,
  seq: 0,
  lane: 'mic',
  flags: 0,
  samples: Int16Array.of(1),
  ...fields,
});
const bytesOf = (hex: string) => Uint8Array.from(hex.split(' '), (byte) => parseInt(byte, 16));

describe('a frame', () => {
  it('is a big-endian header of eight bytes and little-endian samples', () => {
    const bytes = encodeAudioFrame({
      epoch: 0x01020304,
      seq: 0x0506,
      lane: 'B',
      flags: 2,
      samples: Int16Array.of(0x0102, -2),
    });
    //                                epoch       seq   B  last  0x0102 −2
    expect([...bytes]).toEqual([...bytesOf('01 02 03 04 05 06 02 02 02 01 fe ff')]);
  });

  it('is read from an odd place in a Node buffer that shares its memory with others', () => {
    const frame = { epoch: 7, seq: 9, lane: 'mic', flags: 0, samples: Int16Array.from([1, -2, 300]) } as const;
    const shared = Buffer.alloc(64, 0xee);
    shared.set(encodeAudioFrame(frame), 5);
    expect(decodeAudioFrame(shared.subarray(5, 5 + 14))).toEqual({ ok: true, frame });
  });

  it('comes back as it went, also from an odd place in memory', () => {
    const anyFrame = fc.record({
      epoch: fc.integer({ min: 0, max: 0xffffffff }),
      seq: fc.integer({ min: 0, max: 0xffff }),
      lane: fc.constantFrom(...LANES),
      flags: fc.integer({ min: 0, max: 3 }),
      samples: fc.int16Array({ minLength: 1, maxLength: 50 }),
    });
    fc.assert(
      fc.property(anyFrame, fc.integer({ min: 0, max: 3 }), (sent, shift) => {
        const bytes = encodeAudioFrame(sent);
        const memory = new Uint8Array(bytes.length + shift);
        memory.set(bytes, shift);
        expect(decodeAudioFrame(memory.subarray(shift))).toEqual({ ok: true, frame: sent });
      }),
    );
  });

  it.each([
    ['too-short', new Uint8Array(HEADER_BYTES - 1)],
    ['too-long', new Uint8Array(MAX_FRAME_BYTES + 2)],
    ['empty', new Uint8Array(HEADER_BYTES)],
    ['odd-length', new Uint8Array(HEADER_BYTES + 3)],
    ['unknown-lane', bytesOf('00 00 00 01 00 00 04 00 00 00')],
    ['unknown-flags', bytesOf('00 00 00 01 00 00 00 08 00 00')],
  ])('that is %s is named so and not read', (fault, bytes) => {
    expect(decodeAudioFrame(bytes)).toEqual({ ok: false, fault });
  });

  it.each([
    ['an epoch beyond 32 bits', { epoch: 2 ** 32 }],
    ['a negative epoch', { epoch: -1 }],
    ['a sequence beyond 16 bits', { seq: 65_536 }],
    ['half a sequence', { seq: 0.5 }],
    ['more samples than a frame holds', { samples: new Int16Array(MAX_FRAME_BYTES / SAMPLE_BYTES) }],
  ])('with %s is not made', (_, fields) => {
    expect(() => encodeAudioFrame(frame(fields))).toThrow(RangeError);
  });
});

describe('the sequence', () => {
  it('unwraps to the count it stands for while fewer than 2¹⁵ frames are missing', () => {
    fc.assert(
      fc.property(fc.nat(10_000_000), fc.integer({ min: -0x7fff, max: 0x7fff }), (expected, off) => {
        const real = expected + off;
        fc.pre(real >= 0);
        expect(unwrapSequence(expected, real & 0xffff)).toBe(real);
      }),
    );
  });

  it('never goes below zero', () => {
    expect(unwrapSequence(3, 0xffff)).toBe(0xffff);
  });
});

describe('time', () => {
  it('is 24 samples or 48 bytes a millisecond', () => {
    expect([msToSamples(20), samplesToMs(480), bytesToMs(960)]).toEqual([480, 20, 20]);
    expect(msToSamples(0.99)).toBe(23);
  });
});

describe('close codes', () => {
  it('below 4500 come back, from 4500 on are final, and 1000 is the end', () => {
    for (const code of Object.values(CLOSE)) expect(mayReconnect(code)).toBe(code < 4500);
    expect([mayReconnect(CLOSE_NORMAL), mayReconnect(1006)]).toEqual([false, true]);
  });

  it('have a name when they are ours', () => {
    expect([closeName(4505), closeName(1006)]).toEqual(['protocol', undefined]);
  });
});
