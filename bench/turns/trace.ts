/**
 * What is known of a conversation afterwards: the one form between the run, which makes it, and the
 * measuring, which reads it. Plain JSON. Times are milliseconds of the conversation's clock, on which
 * both the page's samples and the relay's decisions lie.
 */
import type { EventKind, Plan } from './scenario.ts';

/** Something that was in the microphone, as it really was. */
export interface PlacedEvent {
  kind: EventKind;
  phrase: string | null;
  levelDb: number;
  /** Where it rises to 30 dB below its loudest, and where it falls below that for good. */
  onsetMs: number;
  endMs: number;
}

/** Sound that left the gate without a break. */
export interface Span {
  fromMs: number;
  toMs: number;
  lane: 'A' | 'B' | 'C';
  epoch: number;
}

/** The relay's word on what is heard, at the time it was given. */
export interface Decision {
  atMs: number;
  is: 'kill' | 'resume';
  epoch: number;
  cause: string;
}

export interface Pause {
  atMs: number;
  by: 'widget' | 'relay';
  epoch: number;
  /** dBFS, as the detector has it; null for a pause by the relay. */
  level: number | null;
}

export interface Truncation {
  atMs: number;
  /** Of the kill. */
  cause: string;
  /** What the model was told. */
  toldMs: number;
  /** What had left the gate, by the count of samples. */
  heardMs: number;
}

export interface Trace {
  plan: Plan;
  /** Why the conversation could not take place; its other fields are then empty. */
  failure: string | null;
  events: PlacedEvent[];
  spans: Span[];
  pauses: Pause[];
  decisions: Decision[];
  truncations: Truncation[];
  /** Samples that came out of two lanes at once. */
  overlapSamples: number;
  /** Samples of a closed epoch that left the gate after the close and its ramp, or the relay after the close. */
  afterKillSamples: number;
  /** Sound played that policy had not cleared by then. */
  unclearedMs: number;
  /** Turns that policy refused. */
  refused: number;
  /** From the last sample of lane A to the first of B behind it, and whether the epoch stayed. */
  handovers: number[];
}
