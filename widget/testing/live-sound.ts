/**
 * Sound without a device, in real time: a microphone that a test speaks into, and an ear with the widget's own gate.
 * Every sample that leaves the one and reaches the other is kept.
 */
import { FRAME_SAMPLES, RATE_HZ } from '#wire';
import type { AudioEngine, AudioEngineOptions, GateCommand, PlaybackFrame } from '../audio/audio-engine.ts';
import { PlayoutGate } from '../audio/playout-gate.ts';
import type { Reached } from './same-sound.ts';

const FRAME_MS = 20;
/** While nobody speaks frames are put together. */
const BATCH = 5;

export class LiveSound implements AudioEngine {
  readonly context = { sampleRate: RATE_HZ } as AudioContext;
  readonly levels = { in: 0, out: 0 };
  /** Everything that the microphone gave. */
  readonly spoken: Int16Array[] = [];
  readonly reached: Reached[] = [];
  readonly #gate: PlayoutGate;
  readonly #timer: ReturnType<typeof setInterval>;
  #options: AudioEngineOptions | null = null;
  #queue: { samples: Int16Array; at: number; done: () => void } | null = null;
  #batch: Int16Array[] = [];
  #utterances = 0;
  #noise: number;
  #ticks = 0;
  readonly #startedAtMs = performance.now();

  /** @param seed - of the room's noise. */
  constructor(signal: AbortSignal, seed = 1) {
    this.#noise = seed;
    this.#gate = new PlayoutGate(RATE_HZ, (event) => this.#options?.onEvent(event));
    this.#timer = setInterval(() => this.#tick(), FRAME_MS / 2);
    signal.addEventListener('abort', () => clearInterval(this.#timer), { once: true });
  }

  readonly openAudio = (options: AudioEngineOptions): Promise<AudioEngine> => {
    this.#options = options;
    return Promise.resolve(this);
  };

  /** Speaks. Resolves when it is said. */
  say(samples: Int16Array): Promise<void> {
    return new Promise((done) => {
      this.#flush();
      this.#utterances += 1;
      this.#queue = { samples, at: 0, done };
      this.#options?.onEvent({
        type: 'onset',
        utterance: `u${this.#utterances}`,
        epoch: this.#gate.epoch,
        level: -20,
        paused: this.#gate.pause(),
      });
    });
  }

  #tick(): void {
    const due = Math.floor((performance.now() - this.#startedAtMs) / FRAME_MS);
    const out = new Float32Array(FRAME_SAMPLES);
    for (; this.#ticks < due; this.#ticks += 1) {
      this.#gate.render(out, FRAME_SAMPLES);
      this.#record();
    }
  }

  #record(): void {
    const saying = this.#queue;
    if (!saying) {
      this.#batch.push(this.#quiet());
      if (this.#batch.length === BATCH) this.#flush();
      return;
    }
    const samples = new Int16Array(FRAME_SAMPLES);
    samples.set(saying.samples.subarray(saying.at, saying.at + FRAME_SAMPLES));
    saying.at += FRAME_SAMPLES;
    this.#give(samples, true);
    if (saying.at < saying.samples.length) return;
    this.#queue = null;
    const ms = (saying.samples.length * 1000) / RATE_HZ;
    this.#options?.onEvent({ type: 'offset', utterance: `u${this.#utterances}`, ms });
    saying.done();
  }

  /** A room that nobody speaks in; no two moments of it are alike. */
  #quiet(): Int16Array {
    return Int16Array.from({ length: FRAME_SAMPLES }, () => {
      this.#noise = (this.#noise * 1_103_515_245 + 12_345) & 0x7fffffff;
      return (this.#noise >> 16) % 7;
    });
  }

  #flush(): void {
    for (const samples of this.#batch.splice(0)) this.#give(samples, false);
  }

  #give(samples: Int16Array, speaking: boolean): void {
    this.spoken.push(samples);
    this.#options?.onEvent({ type: 'mic.frame', samples, speaking });
  }

  command(command: GateCommand): void {
    if (command.type === 'clip.added') return;
    if (command.type === 'item.started') {
      const from = Math.round((command.fromMs * RATE_HZ) / 1000);
      this.reached.push({ item: command.item, epoch: command.epoch, from, frames: [], isWhole: false });
    }
    this.#gate.command(command);
  }
  play({ epoch, lane, flags, samples }: PlaybackFrame): void {
    if (epoch === 0) return;
    const isLast = (flags & 2) !== 0;
    const run = this.reached.findLast((one) => one.epoch === epoch);
    run?.frames.push(samples);
    if (run && isLast) run.isWhole = true;
    this.#gate.push(epoch, lane, samples, isLast);
  }
  configure({ epoch, transitionGapMs }: { epoch: number; transitionGapMs: number }): void {
    this.#gate.configure(epoch, transitionGapMs);
  }
  waveform(): void {
    // Nobody looks.
  }
  setMicMuted(): Promise<void> {
    return Promise.resolve();
  }
  setTalking(): boolean {
    return false;
  }
  setOutput(): void {
    // Nobody listens.
  }
  setInput(): Promise<void> {
    return Promise.resolve();
  }
  setSinkId(): Promise<void> {
    return Promise.resolve();
  }
}
