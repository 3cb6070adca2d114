/**
 * The widget's own worklet in a stand-in for the audio thread: its two processors, run one render
 * quantum after the other by whoever holds the clock. Ports deliver at the edge of a quantum, as a
 * browser's do. Knows nothing of what is said to the processors.
 */
import { BATCH_MS, FRAME_SAMPLES, RATE_HZ, msToSamples } from '#wire';
import type { FromCapture, FromPlayback, ToCapture, ToPlayback } from '../../widget/audio/worklet-messages.ts';
import { DEVICE_HZ } from './sounds.ts';

/** Samples of a render quantum. */
export const QUANTUM = 128;
export const QUANTUM_MS = (QUANTUM * 1000) / DEVICE_HZ;

interface Processor {
  process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}
type ProcessorClass = new (options: { processorOptions: unknown }) => Processor;

class StandInPort {
  onmessage: ((event: { data: unknown }) => void) | null = null;
  readonly #sent: unknown[];
  /** @param sent - both ports' messages, in the order in which they were posted. */
  constructor(sent: unknown[]) {
    this.#sent = sent;
  }
  postMessage(message: unknown, transfer: ArrayBuffer[] = []): void {
    this.#sent.push(structuredClone(message, { transfer }));
  }
}

export interface AudioThread {
  readonly frame: number;
  toCapture(message: ToCapture): void;
  toPlayback(message: ToPlayback): void;
  /** One render quantum; `heard` is what the microphone gave. @returns what the ear gets. */
  run(heard: Float32Array): Float32Array;
  /** What the processors said since the last time. */
  said(): (FromCapture | FromPlayback)[];
}

let threads = 0;

/** A new global scope: the worklet's entry is evaluated anew, with a state of its own. */
export async function startAudioThread(): Promise<AudioThread> {
  const classes = new Map<string, ProcessorClass>();
  const sent: unknown[] = [];
  let port = new StandInPort(sent);
  const scope = globalThis as unknown as Record<string, unknown>;
  scope['sampleRate'] = DEVICE_HZ;
  scope['AudioWorkletProcessor'] = class {
    readonly port = port;
  };
  scope['registerProcessor'] = (name: string, Class: ProcessorClass) => classes.set(name, Class);
  await import(new URL(`../../widget/audio/worklet.ts?thread=${++threads}`, import.meta.url).href);
  const processorOptions = { rateHz: RATE_HZ, frameSamples: FRAME_SAMPLES, batchSamples: msToSamples(BATCH_MS) };
  const make = (name: string) => {
    const Class = classes.get(name);
    if (!Class) throw new Error(`the worklet registers no ${name}`);
    port = new StandInPort(sent);
    return { processor: new Class({ processorOptions }), port };
  };
  const capture = make('vjj-capture');
  const playback = make('vjj-playback');
  let frame = 0;
  return {
    get frame() {
      return frame;
    },
    toCapture: (data) => capture.port.onmessage?.({ data }),
    toPlayback: (data) => playback.port.onmessage?.({ data }),
    run(heard) {
      scope['currentFrame'] = frame;
      const out = new Float32Array(QUANTUM);
      capture.processor.process([[heard]], [[new Float32Array(QUANTUM)]]);
      playback.processor.process([[]], [[out]]);
      frame += QUANTUM;
      return out;
    },
    said: () => sent.splice(0) as (FromCapture | FromPlayback)[],
  };
}
