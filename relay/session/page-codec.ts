/**
 * How sound is packed between this page and the relay: PCM16, or Opus where the page can and wants to. Stands
 * before the outlet, and keeps positions to the sample. Knows no socket and nothing of what is said.
 */
import {
  Application,
  Signal,
  createDecoder,
  createEncoder,
  type OpusDecoderHandle,
  type OpusEncoderHandle,
} from 'libopus-wasm';
import { FLAG_LAST, FRAME_SAMPLES, RATE_HZ, packOpus, readOpus, samplesToMs, type AudioFrame } from '#wire';
import type { Outlet } from './line.ts';

/** Bits a second of the answer's voice: with headers and the WebSocket's own, under 40 000 on the wire. */
const BIT_RATE = 28_000;
/** Of 10: beyond it the ear gains little and the processor loses much. */
const COMPLEXITY = 5;

const FORMAT = { sampleRate: RATE_HZ, channels: 1 } as const;
/** Frames that the codec is run on before its first call, so many at a time. */
const WARM_UP = { rounds: 40, frames: 5 };

/** Once a process: code that has not run yet is tens of times slower, and would hold up every other call. */
let warm: Promise<void> | null = null;

async function warmUp(): Promise<void> {
  const encoder = await createEncoder({
    ...FORMAT,
    frameSize: FRAME_SAMPLES,
    bitrate: BIT_RATE,
    complexity: COMPLEXITY,
  });
  const decoder = await createDecoder({ ...FORMAT, maxFrameSize: FRAME_SAMPLES });
  const buzz = Int16Array.from({ length: FRAME_SAMPLES }, (_, i) => (((i % 160) - 80) * 100 * (i % 7)) | 0);
  for (let round = 0; round < WARM_UP.rounds; round++) {
    for (let frame = 0; frame < WARM_UP.frames; frame++) decoder.decode(encoder.encode(buzz));
    await new Promise((resolve) => setImmediate(resolve));
  }
  encoder.free();
  decoder.free();
}

/** A frame before it is counted. */
type DownFrame = Omit<AudioFrame, 'seq'>;
/** A frame's sound on the way up; `ms` is known before anything is unpacked. */
export interface Packed {
  ms: number;
  /** @returns null where it is not what was agreed. */
  unpack(): Int16Array | null;
}

/** The outlet, with sound packed as agreed. */
export interface PageCodec extends Outlet {
  /** What the page can; answered with `session.ready`, from then on both sides may use it. */
  offered(codecs: readonly string[]): void;
  /** The page has nothing of what was packed so far: what was agreed is agreed anew. */
  restart(): void;
  /** @returns null where Opus was not agreed on, or the body is broken. */
  read(body: Uint8Array): Packed | null;
}

/** Packs items of any length into frames of 20 ms, and says which of the samples count. */
class ItemPacker {
  readonly #encoder: OpusEncoderHandle;
  readonly #filling = new Int16Array(FRAME_SAMPLES);
  #filled = 0;
  /** Samples of the item that no packet has brought out yet. */
  #owed = 0;
  #skip = 0;

  constructor(encoder: OpusEncoderHandle) {
    this.#encoder = encoder;
  }

  /** An item begins; of the one before nothing more will come. */
  restart(): void {
    this.#filled = 0;
    this.#owed = 0;
    // So late comes out what goes in; what comes before belongs to the item before.
    this.#skip = this.#encoder.getLookahead();
  }

  /** @returns null where nothing is to be sent yet. */
  pack(frame: DownFrame): DownFrame | null {
    const { samples, ...rest } = frame;
    const packets: Uint8Array[] = [];
    this.#owed += samples.length;
    for (let at = 0; at < samples.length;) {
      const part = samples.subarray(at, at + FRAME_SAMPLES - this.#filled);
      this.#filling.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === FRAME_SAMPLES) packets.push(this.#encode());
    }
    const isLast = (frame.flags & FLAG_LAST) !== 0;
    while (isLast && packets.length * FRAME_SAMPLES < this.#skip + this.#owed) {
      this.#filling.fill(0, this.#filled);
      packets.push(this.#encode());
    }
    if (packets.length === 0) return null;
    const made = packets.length * FRAME_SAMPLES;
    const skip = Math.min(this.#skip, made);
    const count = Math.min(this.#owed, made - skip);
    this.#skip -= skip;
    this.#owed -= count;
    return { ...rest, samples: new Int16Array(0), opus: packOpus({ skip, samples: count, packets }) };
  }

  #encode(): Uint8Array {
    this.#filled = 0;
    return this.#encoder.encode(this.#filling);
  }
}

/** @param onProblem - the codec could not be had; the page is told that sound stays PCM16. */
export function createPageCodec(outlet: Outlet, onProblem: (error: unknown) => void): PageCodec {
  let encoder: OpusEncoderHandle | null = null;
  let decoder: OpusDecoderHandle | null = null;
  let packer: ItemPacker | null = null;
  /** The item under way is packed; one that began as PCM16 ends so. */
  let isPacking = false;
  let isStopped = false;
  let codecs: readonly string[] | null = null;
  /** Of the openings under way only the newest counts. */
  let openings = 0;

  function free(): void {
    encoder?.free();
    decoder?.free();
    encoder = decoder = packer = null;
    isPacking = false;
  }

  async function open(): Promise<void> {
    const opening = ++openings;
    await (warm ??= warmUp());
    const packs = await createEncoder({
      ...FORMAT,
      frameSize: FRAME_SAMPLES,
      // Half the cost of the default and less delay; nothing is filtered out of a voice that is clean.
      application: Application.RestrictedLowDelay,
      bitrate: BIT_RATE,
      complexity: COMPLEXITY,
      signal: Signal.Voice,
    });
    const unpacks = await createDecoder({ ...FORMAT, maxFrameSize: FRAME_SAMPLES });
    if (isStopped || opening !== openings) {
      packs.free();
      unpacks.free();
      return;
    }
    encoder = packs;
    decoder = unpacks;
    packer = new ItemPacker(encoder);
    outlet.message({ type: 'session.ready', codec: 'opus' });
  }

  function agree(offered: readonly string[]): void {
    codecs = offered;
    if (!offered.includes('opus')) {
      outlet.message({ type: 'session.ready', codec: 'pcm16' });
      return;
    }
    open().catch((error: unknown) => {
      free();
      onProblem(error);
      if (!isStopped) outlet.message({ type: 'session.ready', codec: 'pcm16' });
    });
  }

  return {
    offered: agree,
    restart() {
      openings += 1;
      free();
      if (codecs) agree(codecs);
    },
    message(message) {
      if (message.type === 'item.started') {
        isPacking = packer !== null;
        packer?.restart();
      }
      outlet.message(message);
    },
    frame(frame) {
      // Clips go whole and once, and often before anything is agreed.
      const packed = isPacking && packer && frame.lane === 'B' ? packer.pack(frame) : frame;
      if (packed) outlet.frame(packed);
    },
    read(bytes) {
      const body = decoder === null ? null : readOpus(bytes);
      if (body === null) return null;
      const { skip, samples, packets } = body;
      return {
        ms: samplesToMs(packets.length * FRAME_SAMPLES),
        unpack() {
          const all = new Int16Array(packets.length * FRAME_SAMPLES);
          try {
            for (const [index, packet] of packets.entries()) {
              const part = decoder?.decode(packet);
              if (part?.length !== FRAME_SAMPLES) return null;
              all.set(part, index * FRAME_SAMPLES);
            }
          } catch {
            // Whatever the page sent, it is not Opus as agreed.
            return null;
          }
          return all.subarray(skip, skip + samples);
        },
      };
    },
    stop() {
      isStopped = true;
      outlet.stop();
      free();
    },
  };
}
