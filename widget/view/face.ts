/** All that the views need to know, and all that they can ask for. Views are functions of it. */
import type { TranscriptEntry } from '../call/transcript.ts';
import type { CallError } from '../errors.ts';
import type { Labels, Standing } from '../labels/labels.ts';

export interface Face {
  labels: Labels;
  variant: 'launcher' | 'panel' | 'inline' | 'bar';
  /** The assistant's name. */
  name: string;
  standing: Standing;
  entries: readonly TranscriptEntry[];
  error: CallError | null;
  turn: 'auto' | 'hold' | 'toggle';
  /** A call is open or opening. */
  isBusy: boolean;
  isLive: boolean;
  isTalking: boolean;
  isMicOff: boolean;
  isMuted: boolean;
  isDisabled: boolean;
  showsCaptions: boolean;
  showsComposer: boolean;
  showsSettings: boolean;
  /** Nobody is expected to speak. */
  isText: boolean;
  /** The agent may be stopped now. */
  isInterruptible: boolean;
  /** Controls that the page leaves out (`controlslist`). */
  without: ReadonlySet<Control>;
  /** Nothing may begin before the person has agreed or declined. */
  isAskingConsent: boolean;
  /** A function of the page that runs only if the person says so. */
  confirmation: ToolConfirmation | null;
  /** The conversation is over and has not been rated. */
  mayRate: boolean;
  /** It just has been. */
  isRated: boolean;
  /** Empty until a call was opened; labels are empty until the microphone was allowed. */
  inputs: readonly MediaDeviceInfo[];
  outputs: readonly MediaDeviceInfo[];
  /** What to ask how loud the microphone is; null while it is not open. */
  levels: { readonly levels: { in: number } } | null;
  inputId: string;
  sinkId: string;
  /** Output, 0 … 1. */
  volume: number;
  on: FaceActions;
}

/** What `controlslist` can leave out, each with `no` before it. */
export const CONTROLS = ['mute', 'text', 'volume', 'devices', 'captions', 'rating'] as const;
export type Control = (typeof CONTROLS)[number];

export interface ToolConfirmation {
  name: string;
  description: string;
  args: Readonly<Record<string, unknown>>;
}

export interface FaceActions {
  readonly close: () => void;
  readonly end: () => void;
  readonly mute: () => void;
  readonly captions: () => void;
  readonly composer: () => void;
  readonly settings: () => void;
  /** A part of the view has been fetched: show it. */
  readonly arrived: () => void;
  readonly interrupt: () => void;
  readonly recover: () => void;
  readonly submit: (event: SubmitEvent) => void;
  /** The answer to `isAskingConsent`. */
  readonly agree: (isAgreed: boolean) => void;
  /** The answer to `confirmation`. */
  readonly confirm: (isConfirmed: boolean) => void;
  /** 1 … 5. */
  readonly rate: (score: number, comment?: string) => void;
  readonly input: (deviceId: string) => void;
  readonly output: (sinkId: string) => void;
  readonly volume: (volume: number) => void;
  readonly micClick: (event: Event) => void;
  readonly micDown: (event: Event) => void;
  readonly micUp: (event: Event) => void;
}
