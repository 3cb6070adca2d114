/**
 * The sound of one call, as the rest of the widget sees it: what comes from the microphone and
 * what goes to the ear. Commands are the relay's own words; where they are carried out (in the
 * audio thread) and how is this folder's business.
 */
import type { RelayMessage, WireLane } from '#wire';

/** The relay's messages that concern sound; passed to the worklet as they are. */
export type GateCommand = Extract<
  RelayMessage,
  {
    type:
      | 'item.started'
      | 'gate.open'
      | 'gate.close'
      | 'gate.pause'
      | 'gate.resume'
      | 'lane.admit'
      | 'clip.play'
      | 'clip.added';
  }
>;

/** Sound for the ear, as decoded from one binary frame. */
export interface PlaybackFrame {
  epoch: number;
  seq: number;
  lane: WireLane;
  flags: number;
  samples: Int16Array;
}

/** When an onset happened, in frames of the context. */
export interface OnsetTiming {
  decidedAtFrame: number;
  /** Where the sound that became the onset rose out of the noise, by the detector's own account. */
  acousticOnsetFrame: number;
}

export type AudioEvent =
  /** 24 kHz mono; 20 ms while somebody speaks, batched to 100 ms while nobody does. The receiver may keep it. */
  | { type: 'mic.frame'; samples: Int16Array; speaking: boolean }
  /** `paused`: the gate was open and paused itself in the same render quantum. `level` in dBFS. */
  | { type: 'onset'; utterance: string; epoch: number; level: number; paused: boolean; timing?: OnsetTiming }
  /** The utterance under way has become louder than was told. */
  | { type: 'louder'; utterance: string; epoch: number; level: number }
  /** `ms`: how long the utterance was heard, without the silence that ended it. */
  | { type: 'offset'; utterance: string; ms?: number }
  /**
   * A position in the item, from the sample counter less output latency; at most every 100 ms while playing, and
   * at once on pause and close; `last` when the gate closed over it. `silentAtFrame` comes once after each pause: the context's frame from which on the output was all zeros.
   */
  | { type: 'playout'; epoch: number; item: string; playedMs: number; last?: boolean; silentAtFrame?: number }
  /** Everything received of the epoch has been played and the last frame was flagged. */
  | { type: 'drained'; epoch: number; item: string }
  | { type: 'clip.ended'; epoch: number; clip: string }
  /** The output does not run (hidden page, interrupted device) or its sound is switched off. */
  | { type: 'device'; suspended: boolean }
  /** The microphone was taken away and no other could be had; `setInput` asks again, and so does a device that comes. */
  | { type: 'mic.lost' }
  /** After `mic.lost`: there is one again. */
  | { type: 'mic.back' };

export interface AudioEngineOptions {
  /** Ends everything: tracks, nodes, context. */
  signal: AbortSignal;
  onEvent(event: AudioEvent): void;
  /** Where the worklet's file is, tried in order; the last resort is a blob of `workletCode`. */
  workletUrls: string[];
  /** `deviceId` of the microphone, or the default one. */
  inputId?: string;
  /** Called by a push-to-talk or text call: the microphone is opened only when asked. */
  withoutMicrophone?: boolean;
}

/** Microphone and output levels, 0 … 1, of the last render quanta. */
export interface Levels {
  in: number;
  out: number;
}

export interface AudioEngine {
  readonly context: AudioContext;
  readonly levels: Levels;
  /** Fills both with the newest waveform, −1 … 1, for the visualiser; cheap, no allocation. */
  waveform(input: Float32Array<ArrayBuffer>, output: Float32Array<ArrayBuffer>): void;
  command(command: GateCommand): void;
  play(frame: PlaybackFrame): void;
  /** Echo guard and fade length, as the relay's `session.created` gives them. */
  configure(knobs: { echoLevelDb: number; echoGuardMs: number; transitionGapMs: number; epoch: number }): void;
  /** `silence` sends zeros and keeps the device; `release` lets go of it. */
  setMicMuted(muted: boolean, policy: 'silence' | 'release'): Promise<void>;
  /** Push-to-talk: speech is marked from here, not from the detector. @returns whether the gate paused. */
  setTalking(utterance: string | null): boolean;
  setOutput(options: { muted?: boolean; volume?: number }): void;
  setInput(deviceId: string): Promise<void>;
  setSinkId(sinkId: string): Promise<void>;
}

/**
 * Opens sound. Must be called inside the user's gesture: the context is created and resumed
 * synchronously, before the first await; microphone and worklet load side by side.
 *
 * @throws {CallError} `MIC_DENIED`, `MIC_DISMISSED`, `MIC_NOT_FOUND`, `MIC_IN_USE`, `POLICY_BLOCKED`,
 *   `INSECURE_CONTEXT`, `CSP_WORKLET` or `AUTOPLAY`.
 */
export type OpenAudio = (options: AudioEngineOptions) => Promise<AudioEngine>;
