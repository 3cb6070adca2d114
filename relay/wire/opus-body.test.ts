import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FLAG_OPUS, decodeAudioFrame, encodeAudioFrame } from './audio-frame.ts';
import { FRAME_SAMPLES } from './format.ts';
import { MOST_PACKETS, packOpus, readOpus } from './opus-body.ts';

const packet = fc.uint8Array({ minLength: 1, maxLength: 1275 });
const packets = fc.array(packet, { minLength: 1, maxLength: MOST_PACKETS });

describe('a body of Opus packets', () => {
  it('comes out of a frame as it went in, with its flag set', () => {
    fc.assert(
      fc.property(packets, fc.nat(200), (all, skip) => {
        const body = { skip, samples: all.length * FRAME_SAMPLES - skip, packets: all };
        const bytes = encodeAudioFrame({
          ...{ epoch: 7, seq: 9, lane: 'B', flags: 2, samples: new Int16Array(0), opus: packOpus(body) },
        });
        const decoded = decodeAudioFrame(bytes);
        if (!decoded.ok || !decoded.frame.opus) throw new Error('no Opus frame');
        expect(decoded.frame).toMatchObject({ epoch: 7, seq: 9, lane: 'B', flags: 2 | FLAG_OPUS });
        expect(decoded.frame.samples).toHaveLength(0);
        expect(readOpus(decoded.frame.opus)).toEqual(body);
      }),
    );
  });

  it('is refused where its layout is broken or it promises more than it holds, whatever the bytes', () => {
    const good = packOpus({ skip: 0, samples: 480, packets: [new Uint8Array(60)] });
    expect(readOpus(good)).not.toBeNull();
    expect(readOpus(good.subarray(0, -1))).toBeNull();
    expect(readOpus(good.subarray(0, 3))).toBeNull();
    expect(readOpus(good.subarray(0, 4))).toBeNull();
    expect(readOpus(good.subarray(0, 5))).toBeNull();
    expect(readOpus(packOpus({ skip: 1, samples: 480, packets: [new Uint8Array(60)] }))).toBeNull();
    expect(readOpus(packOpus({ skip: 0, samples: 0, packets: [new Uint8Array(0)] }))).toBeNull();
    expect(readOpus(packOpus({ skip: 0, samples: 0, packets: [new Uint8Array(1276)] }))).toBeNull();
    const many = Array.from({ length: MOST_PACKETS + 1 }, () => new Uint8Array(1));
    expect(readOpus(packOpus({ skip: 0, samples: 480, packets: many }))).toBeNull();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const body = readOpus(bytes);
        if (body) expect(body.skip + body.samples).toBeLessThanOrEqual(body.packets.length * FRAME_SAMPLES);
      }),
    );
  });
});
