/**
 * What passes between the main thread and the audio thread. Sound goes by transferred buffers;
 * everything else is small and rare.
 */
import type { WireLane } from '#wire';
import type { OnsetTiming } from './audio-engine.ts';
import type { EchoReference } from './echo-reference.ts';
import type { PlayoutCommand, PlayoutGate } from './playout-gate.ts';
import type { PlayoutEvent } from './playout-reports.ts';

export const CAPTURE = 'vjj-capture';
export const PLAYBACK = 'vjj-playback';

/** The contract's figures, handed over so that the worklet's file carries no more of the contract than it uses. */
export interface SoundFormat {
  /** Of frames and clips. */
  rateHz: number;
  frameSamples: number;
  batchSamples: number;
}

export type ToCapture =
  /** A frame's buffer comes back to be filled again. */
  | { type: 'recycle'; buffer: Int16Array<ArrayBuffer> }
  /** Push-to-talk: speech begins or ends, and the detector has no say any more. */
  | { type: 'talk'; utterance: string | null }
  /** The microphone was muted, opened or changed. */
  | { type: 'reset' }
  | { type: 'knobs'; echoLevelDb: number; echoGuardMs: number }
  /** Expected echo, and whether to send silence instead of it while the agent is heard and nobody else. */
  | { type: 'coupling'; couplingDb: number; isHalfDuplex: boolean };

export type FromCapture =
  | { type: 'frame'; buffer: Int16Array<ArrayBuffer>; length: number; speaking: boolean }
  | { type: 'onset'; utterance: string; epoch: number; level: number; paused: boolean; timing: OnsetTiming }
  /** The utterance under way has become louder than was told. */
  | { type: 'louder'; utterance: string; epoch: number; level: number }
  /** `ms`: how long it was heard, without the silence that ended it. */
  | { type: 'offset'; utterance: string; ms: number };

export type ToPlayback =
  | PlayoutCommand
  | { type: 'frame'; epoch: number; lane: WireLane; isLast: boolean; samples: Int16Array }
  | { type: 'clip'; clip: string; samples: Int16Array }
  | { type: 'knobs'; epoch: number; transitionGapMs: number }
  | { type: 'volume'; volume: number }
  | { type: 'latency'; latencyMs: number };

export type FromPlayback =
  | PlayoutEvent
  /** Whether a pause would now stop something. */
  | { type: 'pausable'; pausable: boolean }
  /** After a pause: the frame of the context from which on the output was all zeros. */
  | { type: 'silent'; atFrame: number };

/** What the two processors of one context share: a pause takes neither a message nor the main thread. */
export interface SharedSound {
  gate: PlayoutGate | null;
  echo: EchoReference | null;
}

/** The end of a processor's port that is in the audio thread. */
export interface WorkletPort<Out, In> {
  onmessage: ((event: { data: In }) => void) | null;
  postMessage(message: Out, transfer?: ArrayBuffer[]): void;
}
