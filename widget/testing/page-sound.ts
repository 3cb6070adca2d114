/**
 * Runs inside the page under test, before any of its scripts: keeps every sample that leaves the microphone for the
 * wire, and every one that reaches the gate, where they pass between the page and its audio thread. The page itself is
 * left as a customer would have it.
 */
import type { Page } from 'puppeteer-core';
import type { Reached } from './same-sound.ts';

/** Samples are base64 of 16 bits each, little endian. */
interface Kept {
  spoken: string[];
  reached: (Omit<Reached, 'frames'> & { frames: string[] })[];
  clips: { clip: string; samples: string }[];
  plays: { epoch: number; clip: string }[];
}
declare global {
  interface Window {
    keptSound: Kept;
  }
}

export interface PageSound {
  /** Everything that the microphone gave, in order. */
  spoken: Int16Array[];
  /** Of answers. */
  reached: Reached[];
  /** As often as one came. */
  clips: { clip: string; samples: Int16Array }[];
  /** Clips that the gate was told to play. */
  plays: { epoch: number; clip: string }[];
}

/** Serialised into the page; it may use nothing from outside itself. */
export function keepSound(): void {
  const RATE_HZ = 24_000;
  const kept: Kept = { spoken: [], reached: [], clips: [], plays: [] };
  window.keptSound = kept;
  const base64 = (samples: Int16Array) => {
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    let text = '';
    for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return btoa(text);
  };

  type FromCapture = { type: string; buffer: Int16Array; length: number };
  type ToGate =
    | { type: 'item.started'; item: string; epoch: number; fromMs: number }
    | { type: 'frame'; epoch: number; isLast: boolean; samples: Int16Array }
    | { type: 'clip'; clip: string; samples: Int16Array }
    | { type: 'clip.play'; epoch: number; clip: string }
    | { type: 'gate.open' };
  function toGate(message: ToGate): void {
    if (message.type === 'item.started') {
      const { item, epoch, fromMs } = message;
      kept.reached.push({ item, epoch, from: Math.round((fromMs * RATE_HZ) / 1000), frames: [], isWhole: false });
    } else if (message.type === 'frame') {
      const run = kept.reached.findLast(({ epoch }) => epoch === message.epoch);
      run?.frames.push(base64(message.samples));
      if (run && message.isLast) run.isWhole = true;
    } else if (message.type === 'clip') {
      kept.clips.push({ clip: message.clip, samples: base64(message.samples) });
    } else if (message.type === 'clip.play') {
      kept.plays.push({ epoch: message.epoch, clip: message.clip });
    }
  }

  const Native = window.AudioWorkletNode;
  window.AudioWorkletNode = class extends Native {
    constructor(context: BaseAudioContext, name: string, options?: AudioWorkletNodeOptions) {
      super(context, name, options);
      const { port } = this;
      if (name === 'vjj-capture') {
        // Before the page's own listener, which gives the buffer back.
        port.addEventListener('message', ({ data }: MessageEvent<FromCapture>) => {
          if (data.type === 'frame') kept.spoken.push(base64(data.buffer.slice(0, data.length)));
        });
      } else if (name === 'vjj-playback') {
        const post = port.postMessage.bind(port) as (message: unknown, transfer: Transferable[]) => void;
        port.postMessage = (message: unknown, transfer: unknown = []) => {
          toGate(message as ToGate);
          post(message, transfer as Transferable[]);
        };
      }
    }
  };
}

/** What was kept so far. */
export async function soundOf(page: Page): Promise<PageSound> {
  const { spoken, reached, clips, plays } = await page.evaluate(() => window.keptSound);
  return {
    spoken: spoken.map(samplesOf),
    reached: reached.map((run) => ({ ...run, frames: run.frames.map(samplesOf) })),
    clips: clips.map(({ clip, samples }) => ({ clip, samples: samplesOf(samples) })),
    plays,
  };
}

function samplesOf(base64: string): Int16Array {
  return new Int16Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer);
}
