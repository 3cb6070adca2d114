/**
 * What a bench hangs onto a page before any of its scripts run: a tap on the microphone and one on the
 * output, both counted in the context's frames, and an ear at the two processors' messages. Optionally
 * some of the output comes back into the microphone, as through a room. The page itself is a
 * customer's. The functions are serialised into the page; they may use nothing from outside themselves.
 */
import { percentile } from './percentiles.mjs';

/** An onset, as the capture processor told it. */
export interface HeardOnset {
  utterance: string;
  paused: boolean;
  level: number;
  timing: { decidedAtFrame: number; acousticOnsetFrame: number };
}

export interface Instruments {
  rateHz: number;
  onsets: HeardOnset[];
  /** Frames of the context from which on the output was all zeros, after a pause. */
  silences: number[];
  /** Frames whose sound was lost on the way to the tap. */
  lost: number;
  /** Per window of about 5 ms of the context, `windowFrames` long: the microphone's level in dBFS. */
  micDb: number[];
  windowFrames: number;
  /** Per fade to silence: the largest step between neighbouring samples in its last 25 ms. */
  fadeSteps: number[];
}

declare global {
  interface Window {
    vjjInstruments: {
      rateHz: number;
      onsets: HeardOnset[];
      silences: number[];
      tapped: Record<'mic' | 'out', { frame: number; samples: Float32Array }[]>;
    };
  }
}

/** @param echo - how much of the output comes back, and how late; null for a page with headphones. */
export function installInstruments(echo: { gainDb: number; delayMs: number } | null): void {
  // Sixteen quanta a message: a message each would be more work than the call itself.
  const processor = `registerProcessor('bench-tap', class extends AudioWorkletProcessor {
    constructor() { super(); this.buffer = new Float32Array(2048); this.fill = 0; this.frame = 0; }
    process(inputs) {
      const channel = inputs[0][0];
      if (channel) {
        if (this.fill === 0) this.frame = currentFrame;
        this.buffer.set(channel, this.fill);
        this.fill += channel.length;
      }
      if (this.fill > 0 && (!channel || this.fill === 2048)) {
        this.port.postMessage({ frame: this.frame, samples: this.buffer.slice(0, this.fill) });
        this.fill = 0;
      }
      return true;
    }
  });`;
  window.vjjInstruments = { rateHz: 0, onsets: [], silences: [], tapped: { mic: [], out: [] } };
  const seen = window.vjjInstruments;
  const ready = new WeakMap<BaseAudioContext, Promise<void>>();
  const connect = Reflect.get(AudioNode.prototype, 'connect') as (...args: unknown[]) => unknown;
  const Native = window.AudioContext;
  const NativeNode = window.AudioWorkletNode;
  let capture: AudioNode | null = null;
  let out: AudioNode | null = null;

  window.AudioContext = class extends Native {
    constructor(options?: AudioContextOptions) {
      super(options);
      seen.rateHz = this.sampleRate;
      const url = URL.createObjectURL(new Blob([processor], { type: 'text/javascript' }));
      ready.set(this, this.audioWorklet.addModule(url));
    }
  };

  window.AudioWorkletNode = class extends NativeNode {
    constructor(context: BaseAudioContext, name: string, options?: AudioWorkletNodeOptions) {
      super(context, name, options);
      this.port.addEventListener(
        'message',
        ({ data }: MessageEvent<{ type: string; atFrame: number } & HeardOnset>) => {
          if (data.type === 'onset') seen.onsets.push(data);
          if (data.type === 'silent') seen.silences.push(data.atFrame);
        },
      );
    }
  };

  function tap(source: AudioNode, into: { frame: number; samples: Float32Array }[]): void {
    void ready.get(source.context)?.then(() => {
      const node = new NativeNode(source.context, 'bench-tap', { channelCount: 1, channelCountMode: 'explicit' });
      node.port.onmessage = ({ data }: MessageEvent<{ frame: number; samples: Float32Array }>) => into.push(data);
      connect.call(source, node);
      // A node that leads nowhere is not rendered everywhere.
      connect.call(node, source.context.destination);
    });
  }

  function closeLoop(): void {
    if (echo === null || capture === null || out === null) return;
    const delay = new DelayNode(out.context, { delayTime: echo.delayMs / 1000, maxDelayTime: 1 });
    const gain = new GainNode(out.context, { gain: 10 ** (echo.gainDb / 20) });
    connect.call(out, delay);
    connect.call(delay, gain);
    connect.call(gain, capture);
  }

  function leaves(source: AudioNode): void {
    out = source;
    tap(source, seen.tapped.out);
    closeLoop();
  }

  AudioNode.prototype.connect = function (this: AudioNode, ...args: unknown[]) {
    const [target] = args;
    if (this instanceof MediaStreamAudioSourceNode && target instanceof NativeNode && capture === null) {
      capture = target;
      tap(this, seen.tapped.mic);
      closeLoop();
    }
    if (target instanceof AudioDestinationNode && out === null) {
      leaves(this);
    }
    return connect.apply(this, args);
  } as typeof AudioNode.prototype.connect;
}

/** Reads the instruments, in the page: what is brought out of it is small. */
export function readInstruments(): Instruments {
  const { rateHz, onsets, silences, tapped } = window.vjjInstruments;
  let lost = 0;
  function whole(blocks: { frame: number; samples: Float32Array }[]): Float32Array {
    const [first] = blocks;
    const last = blocks.at(-1);
    const all = new Float32Array(last === undefined ? 0 : last.frame + last.samples.length);
    let next = first?.frame ?? 0;
    for (const { frame, samples } of blocks) {
      lost += Math.max(0, frame - next);
      next = frame + samples.length;
      all.set(samples, frame);
    }
    return all;
  }
  const mic = whole(tapped.mic);
  const out = whole(tapped.out);
  const size = Math.round(rateHz * 0.005);
  const micDb: number[] = [];
  for (let at = 0; at + size <= mic.length; at += size) {
    let energy = 0;
    for (let i = at; i < at + size; i++) energy += (mic[i] ?? 0) ** 2;
    micDb.push(Math.round(100 * Math.log10(energy / size + 1e-12)) / 10);
  }
  const fadeSteps: number[] = [];
  const quiet = Math.round(rateHz * 0.05);
  let zeros = 0;
  for (let i = 0; i < out.length; i++) {
    zeros = out[i] === 0 ? zeros + 1 : 0;
    if (zeros !== quiet || i < quiet + 0.025 * rateHz) continue;
    let step = 0;
    const end = i - quiet + 1;
    for (let at = end - Math.round(0.025 * rateHz); at <= end; at++)
      step = Math.max(step, Math.abs((out[at] ?? 0) - (out[at - 1] ?? 0)));
    if (step > 0) fadeSteps.push(step);
  }
  return { rateHz, onsets, silences, lost, micDb, windowFrames: size, fadeSteps };
}

/** Windows of 5 ms that noise may leave in the middle of a beginning: between a stop and its vowel. */
const LONGEST_HOLE = 12;
const ABOVE_NOISE_DB = 6;
/** No sound at all: the device had not begun, or dropped some. */
const NOTHING_DB = -100;

/**
 * From the acoustic onset of each sound to the detector's word about it, in milliseconds. The onset is where the
 * microphone's own samples first stand 6 dB above the room, by the energy of windows of 5 ms. The room is the fifth of all
 * windows that is softest: the browser's noise suppression has its say in it.
 */
export function detectionsMs({ rateHz, onsets, micDb, windowFrames }: Instruments): number[] {
  const roomDb = percentile(
    micDb.filter((db) => db > NOTHING_DB),
    20,
  );
  const windowMs = (windowFrames * 1000) / rateHz;
  const isLoud = (window: number) => (micDb[window] ?? -120) > roomDb + ABOVE_NOISE_DB;
  return onsets.flatMap(({ timing }) => {
    const decidedMs = (timing.decidedAtFrame * 1000) / rateHz;
    let first = -1;
    let hole = 0;
    for (let at = Math.floor(decidedMs / windowMs); at >= 0 && hole <= LONGEST_HOLE; at--) {
      hole = isLoud(at) ? 0 : hole + 1;
      if (hole === 0) first = at;
    }
    return first < 0 ? [] : [decidedMs - first * windowMs];
  });
}

/** From each onset that paused to the first render quantum that was all zeros, in milliseconds. */
export function silencesMs({ rateHz, onsets, silences }: Instruments): number[] {
  return onsets
    .filter(({ paused }) => paused)
    .flatMap(({ timing: { decidedAtFrame } }) => {
      const silent = silences.find((frame) => frame >= decidedAtFrame);
      return silent === undefined ? [] : [((silent - decidedAtFrame) * 1000) / rateHz];
    });
}
