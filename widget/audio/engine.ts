/**
 * The engine of a running call in the main thread: wires microphone, worklet and loudspeaker and
 * passes words between the call and the audio thread. It decides nothing about what is heard.
 */
import { BATCH_MS, CLIP_EPOCH, FLAG_LAST, FRAME_SAMPLES, RATE_HZ, msToSamples } from '#wire';
import type { AudioEngine, AudioEvent, GateCommand, Levels, PlaybackFrame } from './audio-engine.ts';
import { ClipIntake } from './clip-intake.ts';
import { microphoneMayBeBack, type OpenMicrophone } from './microphone.ts';
import { outputLatencyMs, setSink, watchOutput } from './speaker.ts';
import {
  CAPTURE,
  PLAYBACK,
  type FromCapture,
  type FromPlayback,
  type SoundFormat,
  type ToCapture,
  type ToPlayback,
} from './worklet-messages.ts';

/** Of the analysers: 21 ms at 48 kHz, a power of two. */
const WAVEFORM_SAMPLES = 1024;
/** The two resamplers on the way out and in. */
const RESAMPLER_MS = 1;
/** A microphone that is lost sooner is not asked for again before something has changed. */
const STEADY_MS = 2000;
/** A change of the device's latency that is worth telling. */
const LATENCY_STEP_MS = 5;
/** Expected echo, relative to playback, where the browser does not cancel it. */
const UNCANCELLED_COUPLING_DB = -8;
const CANCELLED_COUPLING_DB = -30;

export interface EngineParts {
  context: AudioContext;
  /** Ends everything. */
  signal: AbortSignal;
  onEvent(event: AudioEvent): void;
  openMicrophone(deviceId: string | undefined, isExact: boolean, onLost: () => void): Promise<OpenMicrophone>;
}

interface Input {
  microphone: OpenMicrophone;
  source: MediaStreamAudioSourceNode;
}

export class Engine implements AudioEngine {
  readonly context: AudioContext;
  readonly #parts: EngineParts;
  readonly #capture: AudioWorkletNode;
  readonly #playback: AudioWorkletNode;
  readonly #heardIn: AnalyserNode;
  readonly #heardOut: AnalyserNode;
  readonly #clips: ClipIntake;
  readonly #output: ReturnType<typeof watchOutput>;
  readonly #scratch = new Float32Array(WAVEFORM_SAMPLES);
  readonly #levels: Levels = { in: 0, out: 0 };
  #input: Input | null = null;
  #deviceId: string | undefined;
  #micWork: Promise<void> = Promise.resolve();
  #openedAt = 0;
  #isReleased = false;
  #isMicMuted = false;
  #isOutputMuted = false;
  #volume = 1;
  #latencyMs = -1;
  #isPausable = false;
  #lastPlayout: Extract<AudioEvent, { type: 'playout' }> | null = null;

  /** @param microphone - null when none is to be open yet; `setMicMuted(false)` then opens it. */
  constructor(parts: EngineParts, microphone: OpenMicrophone | null, deviceId?: string) {
    const { context, signal } = parts;
    this.#parts = parts;
    this.context = context;
    this.#deviceId = deviceId;
    const processorOptions: SoundFormat = {
      rateHz: RATE_HZ,
      frameSamples: FRAME_SAMPLES,
      batchSamples: msToSamples(BATCH_MS),
    };
    const mono: AudioWorkletNodeOptions = {
      ...{ channelCount: 1, channelCountMode: 'explicit', outputChannelCount: [1] },
      processorOptions,
    };
    this.#capture = new AudioWorkletNode(context, CAPTURE, mono);
    this.#playback = new AudioWorkletNode(context, PLAYBACK, mono);
    this.#heardIn = new AnalyserNode(context, { fftSize: WAVEFORM_SAMPLES });
    this.#heardOut = new AnalyserNode(context, { fftSize: WAVEFORM_SAMPLES });
    // The silent edge from capture to playback puts the detector before the gate in every render quantum.
    this.#capture.connect(this.#playback).connect(this.#heardOut).connect(context.destination);
    this.#capture.port.onmessage = ({ data }: MessageEvent<FromCapture>) => this.#fromCapture(data);
    this.#playback.port.onmessage = ({ data }: MessageEvent<FromPlayback>) => this.#fromPlayback(data);
    this.#clips = new ClipIntake((clip, samples) =>
      this.#toPlayback({ type: 'clip', clip, samples }, [samples.buffer]),
    );
    this.#output = watchOutput(
      context,
      () => this.#isOutputMuted || this.#volume === 0,
      (suspended) => parts.onEvent({ type: 'device', suspended }),
    );
    this.#isMicMuted = microphone === null;
    if (microphone !== null) this.#connect(microphone);
    this.#tellLatency();
    signal.addEventListener('abort', () => this.#end(), { once: true });
  }

  get levels(): Levels {
    this.#levels.in = this.#level(this.#heardIn);
    this.#levels.out = this.#level(this.#heardOut);
    return this.#levels;
  }

  waveform(input: Float32Array<ArrayBuffer>, output: Float32Array<ArrayBuffer>): void {
    this.#heardIn.getFloatTimeDomainData(input);
    this.#heardOut.getFloatTimeDomainData(output);
  }

  command(command: GateCommand): void {
    if (command.type === 'clip.added') this.#clips.announce(command.clip);
    else this.#toPlayback(command);
  }

  play({ epoch, lane, flags, samples }: PlaybackFrame): void {
    const isLast = (flags & FLAG_LAST) !== 0;
    if (epoch === CLIP_EPOCH) this.#clips.push(samples, isLast);
    else this.#toPlayback({ type: 'frame', epoch, lane, isLast, samples });
  }

  configure(knobs: { echoLevelDb: number; echoGuardMs: number; transitionGapMs: number; epoch: number }): void {
    const { echoLevelDb, echoGuardMs, transitionGapMs, epoch } = knobs;
    this.#toCapture({ type: 'knobs', echoLevelDb, echoGuardMs });
    this.#toPlayback({ type: 'knobs', epoch, transitionGapMs });
  }

  setMicMuted(muted: boolean, policy: 'silence' | 'release'): Promise<void> {
    return this.#inTurn(async () => {
      this.#isMicMuted = muted;
      this.#isReleased = muted && policy === 'release';
      if (!muted && this.#input === null) await this.#open(this.#deviceId, false);
      else if (muted && policy === 'release') this.#disconnect();
      else this.#input?.microphone.setSilent(muted);
      this.#toCapture({ type: 'reset' });
    });
  }

  setTalking(utterance: string | null): boolean {
    const paused = utterance !== null && this.#isPausable;
    if (paused) this.#isPausable = false;
    this.#toCapture({ type: 'talk', utterance });
    return paused;
  }

  setOutput({ muted = this.#isOutputMuted, volume = this.#volume }: { muted?: boolean; volume?: number }): void {
    this.#isOutputMuted = muted;
    this.#volume = Math.min(1, Math.max(0, volume));
    this.#toPlayback({ type: 'volume', volume: muted ? 0 : this.#volume });
    this.#output.look();
  }

  setInput(deviceId: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#deviceId = deviceId;
      // A muted microphone that was let go of stays so; the new one is opened when it is wanted.
      if (this.#isMicMuted && this.#input === null) return;
      await this.#open(deviceId, true);
      this.#toCapture({ type: 'reset' });
    });
  }

  setSinkId(sinkId: string): Promise<void> {
    return setSink(this.context, sinkId);
  }

  /** The microphone's device is gone; it has let go of itself. Another is taken, now or when there is one. */
  microphoneLost(): void {
    this.#disconnect();
    this.#toCapture({ type: 'reset' });
    void this.#takeAnother(performance.now() - this.#openedAt >= STEADY_MS);
  }

  /** @param isAtOnce - otherwise something must change first. */
  async #takeAnother(isAtOnce: boolean): Promise<void> {
    const { signal } = this.#parts;
    const isThere = () => this.#inTurn(() => this.#reopen()).catch(() => false);
    if (isAtOnce && (await isThere())) return;
    let change = microphoneMayBeBack(signal);
    this.#parts.onEvent({ type: 'mic.lost' });
    do {
      await change;
      // Also what changes while the browser is asked counts.
      change = microphoneMayBeBack(signal);
    } while (!signal.aborted && !(await isThere()));
    this.#parts.onEvent({ type: 'mic.back' });
  }

  /** @returns true: nothing is missing (any more). */
  async #reopen(): Promise<boolean> {
    // One that was let go of on purpose is not taken back behind the person's back.
    if (this.#input === null && !this.#isReleased) await this.#open(this.#deviceId, false);
    return true;
  }

  /** Changes of the microphone one after another, in the order in which they were asked for. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#micWork.then(() => {
      this.#parts.signal.throwIfAborted();
      return work();
    });
    this.#micWork = done.then(
      () => undefined,
      () => undefined,
    );
    return done;
  }

  async #open(deviceId: string | undefined, isExact: boolean): Promise<void> {
    this.#connect(await this.#parts.openMicrophone(deviceId, isExact, () => this.microphoneLost()));
  }

  /** The new one is there before the old one goes. */
  #connect(microphone: OpenMicrophone): void {
    const source = new MediaStreamAudioSourceNode(this.context, { mediaStream: microphone.stream });
    source.connect(this.#capture);
    source.connect(this.#heardIn);
    this.#disconnect();
    this.#openedAt = performance.now();
    this.#input = { microphone, source };
    microphone.setSilent(this.#isMicMuted);
    const isHalfDuplex = !microphone.cancelsEcho;
    const couplingDb = isHalfDuplex ? UNCANCELLED_COUPLING_DB : CANCELLED_COUPLING_DB;
    this.#toCapture({ type: 'coupling', couplingDb, isHalfDuplex });
  }

  #disconnect(): void {
    this.#input?.source.disconnect();
    this.#input?.microphone.stop();
    this.#input = null;
  }

  #fromCapture(message: FromCapture): void {
    if (message.type !== 'frame') {
      if (message.type === 'onset' && message.paused) this.#isPausable = false;
      this.#parts.onEvent(message);
      return;
    }
    const { buffer, length, speaking } = message;
    // The receiver may keep its samples; the buffer goes back to the audio thread's pool.
    const samples = buffer.slice(0, length);
    this.#toCapture({ type: 'recycle', buffer }, [buffer.buffer]);
    this.#parts.onEvent({ type: 'mic.frame', samples, speaking });
  }

  #fromPlayback(message: FromPlayback): void {
    switch (message.type) {
      case 'pausable':
        this.#isPausable = message.pausable;
        break;
      case 'silent':
        if (this.#lastPlayout !== null) {
          const { last: _last, ...place } = this.#lastPlayout;
          this.#parts.onEvent({ ...place, silentAtFrame: message.atFrame });
        }
        break;
      case 'playout':
        this.#lastPlayout = message;
        this.#tellLatency();
        this.#parts.onEvent(message);
        break;
      default:
        this.#parts.onEvent(message);
    }
  }

  #tellLatency(): void {
    const latencyMs = outputLatencyMs(this.context, performance.now(), navigator.userAgent) + RESAMPLER_MS;
    if (Math.abs(latencyMs - this.#latencyMs) < LATENCY_STEP_MS) return;
    this.#latencyMs = latencyMs;
    this.#toPlayback({ type: 'latency', latencyMs });
  }

  #level(analyser: AnalyserNode): number {
    analyser.getFloatTimeDomainData(this.#scratch);
    let energy = 0;
    for (const sample of this.#scratch) energy += sample * sample;
    return Math.min(1, Math.sqrt(energy / this.#scratch.length));
  }

  #toCapture(message: ToCapture, transfer: Transferable[] = []): void {
    this.#capture.port.postMessage(message, transfer);
  }

  #toPlayback(message: ToPlayback, transfer: Transferable[] = []): void {
    this.#playback.port.postMessage(message, transfer);
  }

  #end(): void {
    this.#output.stop();
    this.#disconnect();
    for (const node of [this.#capture, this.#playback]) {
      node.port.onmessage = null;
      node.port.close();
      node.disconnect();
    }
  }
}
