/** Sound packed for a page and unpacked as a page would, by the codec itself. */
import { createDecoder, createEncoder, type OpusDecoderHandle } from 'libopus-wasm';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FLAG_LAST, FLAG_SPEECH, FRAME_SAMPLES, RATE_HZ, encodeAudioFrame, packOpus, readOpus } from '#wire';
import type { AudioFrame, RelayMessage } from '#wire';
import { virtualClock } from '../testing/virtual-clock.ts';
import { speech } from '../testing/speech.ts';
import { createPageCodec, type PageCodec } from './page-codec.ts';
import { createUplink } from './uplink.ts';

type Down = Omit<AudioFrame, 'seq'>;

let messages: RelayMessage[];
let frames: Down[];
let codec: PageCodec;
let told: () => void;
let decoder: OpusDecoderHandle;

beforeEach(async () => {
  decoder = await createDecoder({ sampleRate: RATE_HZ, channels: 1, maxFrameSize: FRAME_SAMPLES });
  messages = [];
  frames = [];
  told = () => undefined;
  const outlet = {
    message(message: RelayMessage) {
      messages.push(message);
      told();
    },
    frame: (frame: Down) => void frames.push(frame),
    stop: () => undefined,
  };
  codec = createPageCodec(outlet, (error) => {
    throw error;
  });
});
afterEach(() => {
  codec.stop();
  decoder.free();
});

/** The page offers Opus; resolves with the relay's answer. */
async function agree(codecs = ['opus']): Promise<RelayMessage> {
  const answered = new Promise<void>((resolve) => (told = resolve));
  codec.offered(codecs);
  await answered;
  return messages.at(-1)!;
}

const started = (item: string) =>
  codec.message({ type: 'item.started', item, response: 'r', turn: 't', epoch: 1, lane: 'B', fromMs: 0 });

/** Sends an item in frames of these lengths, again and again, the last one flagged. */
function sendItem(samples: Int16Array, lengths: number[]): void {
  for (let at = 0, i = 0; at < samples.length; i++) {
    const part = samples.slice(at, at + lengths[i % lengths.length]!);
    at += part.length;
    codec.frame({ epoch: 1, lane: 'B', flags: at >= samples.length ? FLAG_LAST : 0, samples: part });
  }
}

/** What a page makes of the frames since it was last asked. */
function unpacked(): Int16Array {
  const out: number[] = [];
  for (const { opus } of frames.splice(0)) {
    const body = readOpus(opus!)!;
    const all = body.packets.flatMap((packet) => [...decoder.decode(packet)]);
    out.push(...all.slice(body.skip, body.skip + body.samples));
  }
  return Int16Array.from(out);
}

/** How alike two sounds are where they stand, and shifted by `shift`: 1 is the same. */
function likeness(one: Int16Array, two: Int16Array, shift = 0): number {
  let [xy, xx, yy] = [0, 0, 0];
  for (let i = 0; i < one.length; i++) {
    const x = one[i]!;
    const y = two[i + shift] ?? 0;
    xy += x * y;
    xx += x * x;
    yy += y * y;
  }
  return xy / Math.sqrt(xx * yy);
}

const QUESTION = 'What are your opening hours?';

describe('sound to a page with Opus', () => {
  it('is PCM16 until both have agreed, and for a page that offers something else', async () => {
    started('early');
    sendItem(new Int16Array(960), [480]);
    expect(frames.every(({ opus }) => opus === undefined)).toBe(true);
    expect(await agree(['flac'])).toEqual({ type: 'session.ready', codec: 'pcm16' });
    expect(codec.read(packOpus({ skip: 0, samples: 480, packets: [new Uint8Array(3)] }))).toBeNull();
    expect(await agree()).toEqual({ type: 'session.ready', codec: 'opus' });
    // What began as it was ends so; clips stay as they are.
    sendItem(new Int16Array(960), [480]);
    started('late');
    codec.frame({ epoch: 0, lane: 'A', flags: FLAG_LAST, samples: new Int16Array(480) });
    expect(frames.every(({ opus }) => opus === undefined)).toBe(true);
    sendItem(new Int16Array(960), [480]);
    expect(frames.at(-1)?.opus).toBeDefined();
  });

  it.each([[[480]], [[960, 2400]], [[700, 1, 33, 2400]]])(
    'keeps every sample in its place, in frames of %j samples',
    async (lengths) => {
      await agree();
      const said = (await speech(QUESTION)).subarray(0, RATE_HZ + 77);
      for (const item of ['one', 'two']) {
        started(item);
        sendItem(said, lengths);
        expect(frames.at(-1)!.flags).toBe(FLAG_LAST);
        const heard = unpacked();
        expect(heard).toHaveLength(said.length);
        expect(likeness(said, heard)).toBeGreaterThan(0.9);
        for (const shift of [-12, 12]) expect(likeness(said, heard, shift)).toBeLessThan(likeness(said, heard));
      }
    },
  );

  it('gives an item that was cut no part in the next', async () => {
    await agree();
    started('cut');
    const tone = Int16Array.from({ length: 1900 }, (_, i) => 9_000 * Math.sin(i / 9));
    codec.frame({ epoch: 1, lane: 'B', flags: 0, samples: tone });
    unpacked();
    started('next');
    sendItem(new Int16Array(4800), [480]);
    const heard = unpacked();
    expect(heard).toHaveLength(4800);
    // 20 ms on, what the codec remembers of the tone is 30 dB below it.
    expect(Math.max(...heard.subarray(480).map(Math.abs))).toBeLessThan(300);
  });

  it('takes at most 40 kbit/s either way, headers and the WebSocket’s own included', async () => {
    await agree();
    const said = await speech(QUESTION);
    started('measured');
    sendItem(said, [2400]);
    const seconds = said.length / RATE_HZ;
    const bits = (all: Down[], maskBytes: number) =>
      all.reduce((sum, frame) => sum + 8 * (encodeAudioFrame({ ...frame, seq: 0 }).length + 4 + maskBytes), 0) /
      seconds;
    const down = bits(frames, 0);
    expect(down).toBeLessThan(40_000);
    expect(down).toBeGreaterThan(10_000);
  });

  it('lets go of the codec also when the session ends while it is being fetched', async () => {
    codec.offered(['opus']);
    codec.stop();
    await createEncoder({ sampleRate: RATE_HZ, channels: 1 }).then((encoder) => encoder.free());
    expect(messages).toEqual([]);
    started('after');
    sendItem(new Int16Array(480), [480]);
    expect(frames.at(-1)?.opus).toBeUndefined();
  });
});

describe('sound from a page with Opus', () => {
  it('is heard as it was said', async () => {
    await agree();
    const said = (await speech(QUESTION)).subarray(0, RATE_HZ);
    const encoder = await createEncoder({
      sampleRate: RATE_HZ,
      channels: 1,
      frameSize: FRAME_SAMPLES,
      bitrate: 24_000,
    });
    const uplink = createUplink(virtualClock(), codec);
    const heard: number[] = [];
    for (let at = 0, seq = 0; at < said.length; at += 2400, seq++) {
      const packets = [0, 1, 2, 3, 4].map((i) => encoder.encode(said.slice(at + i * 480, at + (i + 1) * 480)));
      const opus = packOpus({ skip: 0, samples: 2400, packets });
      const bytes = encodeAudioFrame({
        epoch: 0,
        seq,
        lane: 'mic',
        flags: FLAG_SPEECH,
        samples: new Int16Array(0),
        opus,
      });
      const frame = uplink.frame(bytes);
      if (!frame.ok) throw new Error(frame.at);
      heard.push(...frame.samples);
    }
    expect(heard).toHaveLength(said.length);
    expect(likeness(said, Int16Array.from(heard), encoder.getLookahead())).toBeGreaterThan(0.9);
    encoder.free();
  });

  it('is refused where nothing was agreed, and where it is not Opus of 20 ms', async () => {
    const frame = (packets: Uint8Array[], samples = 480) =>
      encodeAudioFrame({
        ...{ epoch: 0, seq: 1, lane: 'mic', flags: 0, samples: new Int16Array(0) },
        opus: packOpus({ skip: 0, samples, packets }),
      });
    const broken = [
      frame([Uint8Array.of(3, 0xff, 0xff, 0xff)]),
      frame([new Uint8Array(60)]),
      frame([new Uint8Array(9)], 481),
    ];
    expect(createUplink(virtualClock(), codec).frame(broken[1]!)).toMatchObject({ ok: false, code: 'protocol' });
    expect(createUplink(virtualClock()).frame(broken[1]!)).toMatchObject({ ok: false, code: 'protocol', at: 'codec' });
    await agree();
    for (const bytes of broken) {
      expect(createUplink(virtualClock(), codec).frame(bytes)).toEqual({ ok: false, code: 'protocol', at: 'codec' });
    }
  });

  it('counts against the same rate of sound as PCM16, before it is unpacked', async () => {
    await agree();
    const encoder = await createEncoder({ sampleRate: RATE_HZ, channels: 1, frameSize: FRAME_SAMPLES });
    const packets = Array.from({ length: 10 }, () => encoder.encode(new Int16Array(FRAME_SAMPLES)));
    encoder.free();
    const uplink = createUplink(virtualClock(), codec);
    const opus = packOpus({ skip: 0, samples: 4800, packets });
    const sent = Array.from({ length: 40 }, (_, seq) =>
      uplink.frame(encodeAudioFrame({ epoch: 0, seq, lane: 'mic', flags: 0, samples: new Int16Array(0), opus })),
    );
    // Six seconds at once, and no more.
    expect(sent.filter(({ ok }) => ok)).toHaveLength(30);
    expect(sent.at(-1)).toMatchObject({ ok: false, code: 'rate-limited' });
  });
});
