/**
 * The worklet's one entry: registers both processors. Each AudioContext runs this file in a global
 * scope of its own, so what the two share here belongs to one call and to no other on the page.
 */
import { createCapture } from './capture.worklet.ts';
import { createPlayback } from './playback.worklet.ts';
import {
  CAPTURE,
  PLAYBACK,
  type FromCapture,
  type FromPlayback,
  type SharedSound,
  type SoundFormat,
  type ToCapture,
  type ToPlayback,
  type WorkletPort,
} from './worklet-messages.ts';

/** The global scope's part that is used; the page's own types do not have it. */
interface WorkletScope {
  sampleRate: number;
  currentFrame: number;
  AudioWorkletProcessor: new () => { readonly port: unknown };
  registerProcessor(name: string, processor: unknown): void;
}

const scope = globalThis as unknown as WorkletScope;
const shared: SharedSound = { gate: null, echo: null };

scope.registerProcessor(
  CAPTURE,
  class extends scope.AudioWorkletProcessor {
    readonly #run: ReturnType<typeof createCapture>;

    constructor({ processorOptions }: { processorOptions: SoundFormat }) {
      super();
      const port = this.port as WorkletPort<FromCapture, ToCapture>;
      this.#run = createCapture(port, shared, processorOptions, scope.sampleRate);
    }

    process([input]: Float32Array[][]): boolean {
      this.#run(input?.[0], scope.currentFrame);
      return true;
    }
  },
);

scope.registerProcessor(
  PLAYBACK,
  class extends scope.AudioWorkletProcessor {
    readonly #run: ReturnType<typeof createPlayback>;

    constructor({ processorOptions }: { processorOptions: SoundFormat }) {
      super();
      const port = this.port as WorkletPort<FromPlayback, ToPlayback>;
      this.#run = createPlayback(port, shared, processorOptions, scope.sampleRate);
    }

    process(_inputs: Float32Array[][], [output]: Float32Array[][]): boolean {
      if (output?.[0] !== undefined) this.#run(output[0], scope.currentFrame);
      return true;
    }
  },
);
