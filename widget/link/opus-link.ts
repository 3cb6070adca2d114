/**
 * A link whose sound is Opus, by the browser's own codec: asked for when the session starts, used as soon as the
 * relay agrees, PCM16 until then and where either side cannot. To the rest of the call it is a link like any
 * other. Fetched only by calls that ask for it.
 */
import { CLOSE, FRAME_MS, FRAME_SAMPLES, MOST_PACKETS, RATE_HZ, packOpus, readOpus, type AudioFrame } from '#wire';
import { readClose, type Link, type LinkOptions } from './link.ts';

/** Bits a second of the microphone's voice: with headers and the WebSocket's own, under 40 000 on the wire. */
const BIT_RATE = 24_000;
/** Input that may wait for the browser's encoder, in frames; of more, the newest goes. */
const MOST_WAITING = 150;
const FRAME_US = FRAME_MS * 1000;
const FORMAT = { codec: 'opus', sampleRate: RATE_HZ, numberOfChannels: 1 } as const;
const TO_OPUS = {
  ...FORMAT,
  bitrate: BIT_RATE,
  opus: { frameDuration: FRAME_US, application: 'audio', signal: 'voice', complexity: 5 },
} as AudioEncoderConfig;

/** Whether this browser packs and unpacks Opus at the wire's rate. */
export async function isOpusThere(): Promise<boolean> {
  if (!('AudioEncoder' in globalThis && 'AudioDecoder' in globalThis)) return false;
  try {
    const able = await Promise.all([AudioEncoder.isConfigSupported(TO_OPUS), AudioDecoder.isConfigSupported(FORMAT)]);
    return able.every(({ supported }) => supported);
  } catch {
    return false;
  }
}

/** The microphone's frames, packed. Packets go out with the frame that completes them. */
class Packer {
  readonly #encoder: AudioEncoder;
  readonly #packets: Uint8Array[] = [];
  readonly #frames: { packets: number; speaking: boolean; epoch: number }[] = [];
  readonly #send: Link['sendSound'];
  /** What is in packets that have not come out yet. */
  #unpacked: Int16Array[] = [];
  /** Samples that went in, and packets that are asked for by them. */
  #samples = 0;
  #asked = 0;

  constructor(send: Link['sendSound'], onError: () => void) {
    this.#send = send;
    this.#encoder = new AudioEncoder({
      output: (chunk) => {
        const packet = new Uint8Array(chunk.byteLength);
        chunk.copyTo(packet);
        this.#packets.push(packet);
        this.#pass();
      },
      error: onError,
    });
    this.#encoder.configure(TO_OPUS);
  }

  push(samples: Int16Array, speaking: boolean, epoch: number): void {
    if (this.#encoder.encodeQueueSize > MOST_WAITING) return;
    const data = new AudioData({
      format: 's16',
      sampleRate: RATE_HZ,
      numberOfChannels: 1,
      numberOfFrames: samples.length,
      timestamp: Math.round((this.#samples / RATE_HZ) * 1e6),
      data: samples as Int16Array<ArrayBuffer>,
    });
    this.#encoder.encode(data);
    data.close();
    this.#unpacked.push(samples);
    this.#samples += samples.length;
    const packets = Math.floor(this.#samples / FRAME_SAMPLES) - this.#asked;
    this.#asked += packets;
    if (packets > 0) this.#frames.push({ packets, speaking, epoch });
  }

  #pass(): void {
    for (let frame = this.#frames[0]; frame && this.#packets.length >= frame.packets; frame = this.#frames[0]) {
      this.#frames.shift();
      for (let left = frame.packets; left > 0; left -= MOST_PACKETS) {
        const packets = this.#packets.splice(0, Math.min(left, MOST_PACKETS));
        const count = packets.length * FRAME_SAMPLES;
        const body = packOpus({ skip: 0, samples: count, packets });
        this.#send(this.#take(count), frame.speaking, frame.epoch, body);
      }
    }
  }

  /** What went in and has not come out. */
  rest(): { samples: Int16Array; speaking: boolean } {
    const count = this.#unpacked.reduce((sum, { length }) => sum + length, 0);
    return { samples: this.#take(count), speaking: this.#frames.at(-1)?.speaking ?? false };
  }

  /** The samples that packets were made of; what was filled up is silence. */
  #take(count: number): Int16Array {
    const all = this.#unpacked;
    const taken = new Int16Array(count);
    for (let at = 0, [first] = all; first && at < count; [first] = all) {
      const part = first.subarray(0, count - at);
      taken.set(part, at);
      at += part.length;
      if (part.length < first.length) all[0] = first.subarray(part.length);
      else all.shift();
    }
    return taken;
  }

  /** All that was said goes out, the last of it filled up with silence. */
  async flush(): Promise<void> {
    const { speaking = true, epoch = 0 } = this.#frames.at(-1) ?? {};
    await this.#encoder.flush();
    if (this.#packets.length > 0) this.#frames.push({ packets: this.#packets.length, speaking, epoch });
    this.#samples = 0;
    this.#asked = 0;
    this.#pass();
  }

  close(): void {
    if (this.#encoder.state !== 'closed') this.#encoder.close();
  }
}

/** One frame on its way through the browser's decoder, or something that must wait for those before it. */
type Step = { frame: AudioFrame; skip: number; samples: Int16Array; at: number; left: number } | { run: () => void };

/** The relay's frames, unpacked, in the order of what came between them. */
class Unpacker {
  readonly #decoder: AudioDecoder;
  readonly #steps: Step[] = [];
  readonly #sound: (frame: AudioFrame) => void;
  #packets = 0;

  constructor(sound: (frame: AudioFrame) => void, onError: () => void) {
    this.#sound = sound;
    this.#decoder = new AudioDecoder({ output: (data) => this.#decoded(data), error: onError });
    this.#decoder.configure(FORMAT);
  }

  /** @returns false where the body is broken. */
  push(frame: AudioFrame, bytes: Uint8Array): boolean {
    const body = readOpus(bytes);
    if (body === null) return false;
    const { skip, samples, packets } = body;
    this.#steps.push({ frame, skip, samples: new Int16Array(samples), at: 0, left: packets.length });
    for (const data of packets) {
      this.#decoder.decode(new EncodedAudioChunk({ type: 'key', timestamp: this.#packets++ * FRAME_US, data }));
    }
    return true;
  }

  /** Runs when all that came before is unpacked. */
  after(run: () => void): void {
    if (this.#steps.length === 0) run();
    else this.#steps.push({ run });
  }

  #decoded(data: AudioData): void {
    const step = this.#steps.find((one) => 'frame' in one && one.left > 0);
    if (step && 'frame' in step) {
      const made = new Float32Array(data.numberOfFrames);
      data.copyTo(made, { planeIndex: 0, format: 'f32-planar' });
      // Browsers give 48 kHz whatever is asked for. There is nothing above 12 kHz in it, as Opus itself would do it.
      const every = data.sampleRate / RATE_HZ;
      for (let i = 0; i < FRAME_SAMPLES; i++) {
        const at = step.at++ - step.skip;
        const sample = Math.round((made[i * every] ?? 0) * 32_768);
        if (at >= 0) step.samples[at] = Math.max(-32_768, Math.min(32_767, sample));
      }
      step.left--;
    }
    data.close();
    for (let [head] = this.#steps; head && !('left' in head && head.left > 0); [head] = this.#steps) {
      this.#steps.shift();
      if ('run' in head) head.run();
      else this.#sound({ ...head.frame, samples: head.samples });
    }
  }

  close(): void {
    if (this.#decoder.state !== 'closed') this.#decoder.close();
  }
}

/** What of a link's options it puts itself into. */
type Heard = Pick<LinkOptions, 'signal' | 'onMessage' | 'onSound' | 'onClosed'>;

/** Opens `open`'s link, with Opus as soon as the relay agrees. */
export function openOpusLink<Options extends Heard>(options: Options, open: (options: Options) => Link): Link {
  let packer: Packer | null = null;
  let unpacker: Unpacker | null = null;
  /** What is sent after the last of the speech waits for it. */
  let sending: Promise<void> | null = null;
  const close = () => {
    packer?.close();
    unpacker?.close();
    packer = unpacker = null;
  };
  const fail = () => {
    close();
    link.end();
    options.onClosed(readClose(CLOSE.protocol));
  };
  options.signal.addEventListener('abort', close, { once: true });
  const link = open({
    ...options,
    onMessage(message) {
      if (message.type === 'session.ready') {
        if (message.codec !== 'opus' || options.signal.aborted) return;
        close();
        packer = new Packer((samples, speaking, epoch, body) => link.sendSound(samples, speaking, epoch, body), fail);
        unpacker = new Unpacker((frame) => options.onSound(frame), fail);
        return;
      }
      // Whoever that is, it has agreed to nothing yet.
      if (message.type === 'session.created' || (message.type === 'session.resumed' && message.kept !== 'all')) {
        const rest = packer?.rest();
        packer?.close();
        packer = null;
        if (rest?.samples.length) link.sendSound(rest.samples, rest.speaking, 0);
      }
      // These say what the frames after them are.
      const isAboutFrames = message.type === 'item.started' || message.type === 'clip.added';
      if (unpacker && isAboutFrames) unpacker.after(() => options.onMessage(message));
      else options.onMessage(message);
    },
    onSound(frame) {
      if (!unpacker) options.onSound(frame);
      else if (!frame.opus) unpacker.after(() => options.onSound(frame));
      else if (!unpacker.push(frame, frame.opus)) fail();
    },
    onClosed(closed) {
      close();
      options.onClosed(closed);
    },
  });
  return {
    send(message) {
      if (message.type === 'session.start') {
        link.send({ ...message, codecs: ['opus'] });
        return;
      }
      if (!sending && !(packer && message.type === 'talk.end')) {
        link.send(message);
        return;
      }
      const said = Promise.all([sending, message.type === 'talk.end' && packer?.flush()]);
      const send = () => link.send(message);
      // A codec that was closed has nothing more to wait for.
      const sent = said.then(send, send);
      sending = sent.then(() => {
        if (sending === last) sending = null;
      });
      const last = sending;
    },
    sendSound(samples, speaking, epoch) {
      if (packer) packer.push(samples, speaking, epoch);
      else link.sendSound(samples, speaking, epoch);
    },
    end(isLeft) {
      close();
      link.end(isLeft);
    },
  };
}
