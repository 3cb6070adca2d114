/** Sound without a device: a test says what the ear and the microphone do, and reads what was commanded. */
import type { AudioEngine, AudioEngineOptions, AudioEvent, GateCommand, PlaybackFrame } from '../audio/audio-engine.ts';

export class ScriptedSound implements AudioEngine {
  readonly context = { sampleRate: 48_000 } as AudioContext;
  readonly levels = { in: 0.1, out: 0.2 };
  readonly commands: GateCommand[] = [];
  readonly played: PlaybackFrame[] = [];
  /** Other things asked for, in order. */
  readonly asked: unknown[] = [];
  options: AudioEngineOptions | null = null;
  /** Whether the gate pauses when the button is pressed. */
  pausesOnTalk = false;
  /** Opening fails with this. */
  failure: Error | null = null;
  /** Opening waits for this. */
  ready: Promise<void> = Promise.resolve();

  readonly openAudio = async (options: AudioEngineOptions): Promise<AudioEngine> => {
    this.options = options;
    await this.ready;
    if (this.failure) throw this.failure;
    return this;
  };

  happens(...events: AudioEvent[]): void {
    for (const event of events) this.options?.onEvent(event);
  }
  waveform(input: Float32Array): void {
    input.fill(0.5);
  }
  command(command: GateCommand): void {
    this.commands.push(command);
  }
  play(frame: PlaybackFrame): void {
    this.played.push(frame);
  }
  configure(knobs: { epoch: number }): void {
    this.asked.push(['configure', knobs.epoch]);
  }
  setMicMuted(muted: boolean, policy: 'silence' | 'release'): Promise<void> {
    this.asked.push(['setMicMuted', muted, policy]);
    return Promise.resolve();
  }
  setTalking(utterance: string | null): boolean {
    this.asked.push(['setTalking', utterance]);
    return utterance !== null && this.pausesOnTalk;
  }
  setOutput(options: { muted?: boolean; volume?: number }): void {
    this.asked.push(['setOutput', options]);
  }
  setInput(deviceId: string): Promise<void> {
    this.asked.push(['setInput', deviceId]);
    return Promise.resolve();
  }
  setSinkId(sinkId: string): Promise<void> {
    this.asked.push(['setSinkId', sinkId]);
    return Promise.resolve();
  }
}
