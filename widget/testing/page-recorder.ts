/**
 * Runs inside the page under test, before any of its scripts: records what reaches the output of
 * every AudioContext, sample by sample, with the frame at which each block was rendered. The page
 * itself is left as a customer would have it.
 */

/** One block of mono output. `frame` counts samples since the context began. */
export interface RecordedBlock {
  frame: number;
  samples: number[];
}

declare global {
  interface Window {
    vjjRecording: { rateHz: number; blocks: { frame: number; samples: Float32Array }[] } | undefined;
  }
}

/** Serialised into the page; it may use nothing from outside itself. */
export function installRecorder(): void {
  const processor = `registerProcessor('test-recorder', class extends AudioWorkletProcessor {
    process(inputs) {
      const channel = inputs[0][0];
      if (channel) this.port.postMessage({ frame: currentFrame, samples: channel.slice() });
      return true;
    }
  });`;
  const ready = new WeakMap<BaseAudioContext, Promise<void>>();
  const tapped = new WeakMap<AudioNode, AudioWorkletNode>();
  const connect = Reflect.get(AudioNode.prototype, 'connect') as (...args: unknown[]) => unknown;
  const Native = window.AudioContext;

  window.AudioContext = class extends Native {
    constructor(options?: AudioContextOptions) {
      super(options);
      const url = URL.createObjectURL(new Blob([processor], { type: 'text/javascript' }));
      ready.set(this, this.audioWorklet.addModule(url));
      window.vjjRecording = { rateHz: this.sampleRate, blocks: [] };
    }
  };

  AudioNode.prototype.connect = function (this: AudioNode, ...args: unknown[]) {
    const [target] = args;
    if (target instanceof AudioDestinationNode && this.context instanceof Native && !tapped.has(this)) {
      void ready.get(this.context)?.then(() => {
        const tap = new AudioWorkletNode(this.context, 'test-recorder', {
          channelCount: 1,
          channelCountMode: 'explicit',
        });
        tap.port.onmessage = ({ data }: MessageEvent<{ frame: number; samples: Float32Array }>) =>
          window.vjjRecording?.blocks.push(data);
        tapped.set(this, tap);
        connect.call(this, tap);
        // A node that leads nowhere is not rendered everywhere.
        connect.call(tap, target);
      });
    }
    return connect.apply(this, args);
  } as typeof AudioNode.prototype.connect;
}
